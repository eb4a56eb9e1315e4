"""The pinned packages whose functions are reviewed and documented: permissive licences, evaluation apart."""

from llmops_assets.curation.collecting.carriers import Carrier

REVIEW_TRAIN: tuple[Carrier, ...] = (
    Carrier(
        "sympy",
        "1.14.0",
        "e091cc3e99d2141a0ba2847328f5479b05d94a6635cb96148ccb3f34671bd8f5",
        "BSD-3-Clause",
        "2006-2023 SymPy Development Team",
    ),
    Carrier(
        "twisted",
        "26.10.0",
        "3732f42af218925a0fe78d6668db55853f7fb532245a89a2669babe7d3000fa8",
        "MIT",
        "2001-2026 Twisted Matrix Laboratories and contributors",
    ),
    Carrier(
        "nltk",
        "3.10.4",
        "769ba5413f265b7d3e87cd163cc28efa01e29eeef8bb6080bc907949d9fcfb51",
        "Apache-2.0",
        "2001-2026 NLTK Project",
    ),
    Carrier(
        "keras",
        "3.15.1",
        "836460e480930acbd19bb7a17e62f9ecad40e8a9af9a651fc8d0586a96d27e20",
        "Apache-2.0",
        "The Keras authors",
    ),
    Carrier(
        "django",
        "5.2.19",
        "5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00",
        "BSD-3-Clause",
        "Django Software Foundation and individual contributors",
    ),
    Carrier(
        "dask",
        "2026.8.0",
        "ccc0c83a189b0398602435189771d28dad7b5773b6089bb8dce14ae732dd782c",
        "BSD-3-Clause",
        "2014 Anaconda, Inc. and contributors",
    ),
    Carrier(
        "ipython",
        "9.18.1",
        "997ce9140d374531a61069c70c0f9ef299d6dd3559ea0f94b8af589726e3c1d5",
        "BSD-3-Clause",
        "2008- IPython Development Team",
    ),
    Carrier(
        "networkx",
        "3.6.1",
        "d47fbf302e7d9cbbb9e2555a0d267983d2aa476bac30e90dfbe5669bd57f3762",
        "BSD-3-Clause",
        "2004-2025 NetworkX Developers",
    ),
    Carrier(
        "mypy",
        "2.4.1",
        "1784648d6ec8c2b5465e3f26241b845a0b3cb4e56c993c64abe16989e7698999",
        "MIT",
        "2012-2023 Jukka Lehtosalo and contributors; 2015-2023 Dropbox, Inc.",
    ),
    Carrier(
        "sqlalchemy",
        "2.1.9",
        "449fed5c2caa3b278cc57499d09db001fb3f28dc7f18affc48142aee4dcc0cdf",
        "MIT",
        "2005-2026 SQLAlchemy authors and contributors",
    ),
    Carrier(
        "textual",
        "8.2.8",
        "267375fd402dc8d981457212efa71f0e3365fd17bba144ba9bb3ed7563cb374a",
        "MIT",
        "2021 Will McGugan",
    ),
)
REVIEW_EVAL: tuple[Carrier, ...] = (
    Carrier(
        "celery",
        "5.7.0",
        "18310a9c919f9029e4735367484d93e6a25cdfd30afdc474622cc263d9b35f6e",
        "BSD-3-Clause",
        "2017-2026 Asif Saif Uddin, core team & contributors; 2015-2016 Ask Solem & contributors",
    ),
    Carrier(
        "kombu",
        "5.7.0",
        "dede73bff4c89175be382c4203d2f167cf7017c384396ec75c36a1b5678f1587",
        "BSD-3-Clause",
        "2015-2016 Ask Solem & contributors",
    ),
    Carrier(
        "luigi",
        "3.8.1",
        "ea974b26157c327ae8f6a6f9e0ddaa09d868ce8a4010f7631c383614e0152318",
        "Apache-2.0",
        "2012-2026 Spotify AB and The Luigi Authors",
    ),
    Carrier(
        "bokeh",
        "3.9.2",
        "448e07d5ee78231f5bdece3be020024bb98696c0d6b127e0e2df0b8ba8fa9765",
        "BSD-3-Clause",
        "Anaconda, Inc., and Bokeh Contributors",
    ),
    Carrier(
        "mitmproxy",
        "11.0.2",
        "95db7b57b21320a0c76e59e1d6644daaa431291cdf89419608301424651199b4",
        "MIT",
        "2013 Aldo Cortesi",
    ),
    Carrier(
        "distributed",
        "2026.8.0",
        "3bd8882861a2cf497453f28c6b61135fa8ef2bb1d6885ad3b9f27e887e9c0e01",
        "BSD-3-Clause",
        "2015 Anaconda, Inc. and contributors",
    ),
    Carrier(
        "gunicorn",
        "27.0.1",
        "378b26b9a38adcf4592f28828233c1716acc55e833ea06bf48719782efaa0d10",
        "MIT",
        "2009-2026 Benoit Chesneau and Gunicorn contributors",
    ),
)
DOCUMENT_TRAIN: tuple[Carrier, ...] = (
    Carrier(
        "langchain_core",
        "1.8.2",
        "11f1047c4b243df746c01c10208082f580bb55f5fbf17bdb38355b6b63c4f63b",
        "MIT",
        "LangChain, Inc.",
    ),
    next(carrier for carrier in REVIEW_TRAIN if carrier.name == "textual"),
    next(carrier for carrier in REVIEW_TRAIN if carrier.name == "keras"),
    Carrier(
        "optax",
        "0.2.8",
        "e3ca2d36c99daab1800ae9dbc0545034382d6bc780b24d969e1b0df65fa31cb4",
        "Apache-2.0",
        "DeepMind Technologies Limited",
    ),
)
DOCUMENT_EVAL: tuple[Carrier, ...] = (
    Carrier(
        "rich",
        "15.0.0",
        "33bd4ef74232fb73fe9279a257718407f169c09b78a87ad3d296f548e27de0bb",
        "MIT",
        "2020 Will McGugan",
    ),
    Carrier(
        "absl_py",
        "2.5.1",
        "721200f2f0e9960f2ca9dc3a2a706b201f5f75d812c158f059cbbe29eeafbdb8",
        "Apache-2.0",
        "The Abseil Authors",
    ),
    Carrier(
        "pydantic",
        "2.14.3",
        "3f7b347782ab7e4cf4c798496ae3a82787d9f21ec12676a9c564355eeef8daa8",
        "MIT",
        "2017 to present Pydantic Services Inc. and individual contributors",
    ),
    Carrier(
        "google_auth",
        "2.62.2",
        "e9bcdb0679b6a4369ac327c5c59f06d92f7b4cd2624e7100294c14632f55a36b",
        "Apache-2.0",
        "Google LLC",
    ),
    Carrier(
        "google_api_core",
        "2.44.0",
        "8cb9ad8af28de9bc75121686d69b697ce0937e21fad2ad80c9a7e89f22b26e1f",
        "Apache-2.0",
        "Google LLC",
    ),
    next(carrier for carrier in REVIEW_EVAL if carrier.name == "bokeh"),
    next(carrier for carrier in REVIEW_EVAL if carrier.name == "celery"),
    next(carrier for carrier in REVIEW_EVAL if carrier.name == "gunicorn"),
)
FOLDERS = {"ipython": "IPython", "absl_py": "absl", "google_auth": "google", "google_api_core": "google"}
"""Import names that differ from the package's."""
