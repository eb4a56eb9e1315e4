"""Stage 2: SFT adapter, merged model, DPO model."""
