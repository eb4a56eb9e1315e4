"""The frames of TaskMaster's composed requests. `{title}`, `{due}`, `{repeat}`, `{task}`, `{id}`, `{prio}` are slots.

Example: `{due}: {title}, {prio}` with real parts -> "next friday: water the tomatoes, no rush".
Several frames of one action differ in order, politeness and noise, because a model that has seen one order copies wrongly from another.
"""

CREATE = (
    "{title}",
    "remind me to {title}",
    "reminder to {title}",
    "remind me about {title}",
    "i need to {title}",
    "I have to {title}",
    "gotta {title}",
    "don't let me forget to {title}",
    "dont forget: {title}",
    "add {title} to my list",
    "add a task: {title}",
    "add task {title}",
    "new task {title}",
    "new todo - {title}",
    "todo: {title}",
    "create a task to {title}",
    "please create a reminder to {title}",
    "put {title} on the list",
    "put down {title}",
    "note to self, {title}",
    "can you add {title}",
    "could you remind me to {title} please",
    "would you kindly note {title}",
    "make a note: {title}",
    "set a reminder, {title}",
    "I should really {title}",
    "we must {title}",
    "hey, {title} please",
    'add "{title}"',
    "remember {title}",
    "jot this down: {title}",
    "task for me: {title}",
)

WITH_DUE = (
    "{base} {due}",
    "{base} {due}",
    "{base} by {due}",
    "{base}, {due}",
    "{base} - due {due}",
    "{due}: {base}",
    "{due} {base}",
    "{base}. needs to be done by {due}",
    "{base}, deadline {due}",
    "for {due}: {base}",
    "{base} (due {due})",
    "{base} and it has to be ready {due}",
)

WITH_REPEAT = (
    "{base} {repeat}",
    "{base} {repeat}",
    "{repeat} {base}",
    "{base}, {repeat}",
    "{repeat}: {base}",
    "{base}, repeat {repeat}",
)

WITH_PRIORITY = ("{base}, {prio}", "{base} - {prio}", "{prio}: {base}", "{base}. {prio}", "{base} ({prio})", "{prio}, {base}")

PRIORITY = {
    "high": (
        "urgent", "high priority", "it's urgent", "asap", "important", "this is important", "top priority", "very important",
        "critical", "high prio", "make it high priority", "super urgent", "right away", "it's a must", "priority high",
    ),
    "low": (
        "low priority", "no rush", "whenever", "not urgent", "low prio", "not important", "no hurry", "when i get round to it",
        "priority low", "it can wait", "someday", "nothing urgent",
    ),
    "medium": ("medium priority", "normal priority", "priority medium", "medium prio", "priority normal"),
}

UPDATE = (
    ("move {task} to {due}", ("due",)),
    ("push {task} back to {due}", ("due",)),
    ("postpone {task} until {due}", ("due",)),
    ("{task} is now {due}", ("due",)),
    ("reschedule {task} for {due}", ("due",)),
    ("change the date of {task} to {due}", ("due",)),
    ("{task}: make it {due}", ("due",)),
    ("can we shift {task} to {due}", ("due",)),
    ("bring {task} forward to {due}", ("due",)),
    ("{task} has moved, it's {due} instead", ("due",)),
    ("the deadline for {task} is {due} now", ("due",)),
    ("make {task} {level} priority", ("level",)),
    ("set {task} to {level}", ("level",)),
    ("{task} should be {level} priority", ("level",)),
    ("change priority of {task} to {level}", ("level",)),
    ("{task} {level} prio please", ("level",)),
    ("{task} just became urgent", ("=high",)),
    ("{task} is not that important any more", ("=low",)),
    ("rename {task} to {title}", ("title",)),
    ("call {task} {title} instead", ("title",)),
    ("change the title of {task} to {title}", ("title",)),
    ("{task} should say {title}", ("title",)),
    ("make {task} repeat {repeat}", ("repeat",)),
    ("{task} should happen {repeat}", ("repeat",)),
    ("move {task} to {due} and make it {level} priority", ("due", "level")),
    ("set {task} to {level} and push it to {due}", ("due", "level")),
    ("rename {task} to {title} and move it to {due}", ("title", "due")),
)

COMPLETE = (
    "{task} is done", "mark {task} as done", "mark {task} complete", "done with {task}", "finished {task}", "i finished {task}",
    "tick off {task}", "check off {task}", "complete {task}", "{task} done", "{task}: done", "I've done {task}", "{task} is finished",
    "just did {task}", "cross {task} off", "close {task}", "{task} is sorted", "you can tick {task}", "{task} completed thanks",
    "all done with {task}", "got {task} done finally", "that's {task} finished",
)

DELETE = (
    "delete {task}", "remove {task}", "get rid of {task}", "scrap {task}", "cancel {task}", "forget about {task}", "drop {task}",
    "please remove {task} from my list", "never mind {task}", "i don't need {task} any more", "bin {task}", "take {task} off the list",
    "erase {task}", "{task} can go", "kill {task}", "{task} is off, delete it", "scratch {task}", "no need for {task} now",
)

LIST = (
    ("what's on my list", {}), ("show my tasks", {}), ("list everything", {}), ("what do i have to do", {}), ("show me all tasks", {}),
    ("what's left", {"status": "open"}), ("open tasks", {"status": "open"}), ("what haven't i done yet", {"status": "open"}),
    ("show unfinished tasks", {"status": "open"}), ("what did i finish", {"status": "done"}), ("show completed tasks", {"status": "done"}),
    ("list done items", {"status": "done"}), ("what have i ticked off", {"status": "done"}),
    ("show me the urgent ones", {"priority": "high"}), ("list high priority tasks", {"priority": "high"}),
    ("anything important", {"priority": "high"}), ("low priority stuff please", {"priority": "low"}),
    ("which tasks are medium priority", {"priority": "medium"}),
    ("what's due {due}", {"due": "{due}"}), ("tasks for {due}", {"due": "{due}"}), ("what do i have {due}", {"due": "{due}"}),
    ("anything on {due}", {"due": "{due}"}), ("show {due}", {"due": "{due}"}), ("list everything due {due}", {"due": "{due}"}),
    ("urgent tasks {due}", {"due": "{due}", "priority": "high"}), ("what did i complete {due}", {"due": "{due}", "status": "done"}),
    ("open tasks for {due}", {"due": "{due}", "status": "open"}),
)

ASK = (
    ("add a task", "title"), ("remind me", "title"), ("new task please", "title"), ("create a reminder for {due}", "title"),
    ("remind me {due}", "title"), ("add something urgent", "title"), ("put a new one on the list for {due}", "title"),
    ("set a reminder", "title"), ("i need a reminder {repeat}", "title"),
    ("mark it as done", "task"), ("delete it", "task"), ("i finished", "task"), ("move it to {due}", "task"), ("delete a task", "task"),
    ("done with that one", "task"), ("make it high priority", "task"), ("remove one of them", "task"), ("postpone until {due}", "task"),
    ("change {task}", "change"), ("update {task}", "change"), ("edit {task} please", "change"), ("{task} needs changing", "change"),
)

NONE = (
    "hello", "thanks", "how are you", "what's the weather like", "tell me a joke", "who are you", "good morning", "ok cool",
    "what is the capital of Peru", "play some music", "how do i boil an egg", "translate hello into french", "you're great",
    "what time is it", "how many feet in a mile", "who won the game", "lol", "write me a poem", "why is the sky blue",
    "turn the lights off", "call me a taxi", "recommend a good film", "nice one", "do you like cats", "are you a robot",
)

POLITE = ("please", "pls", "thanks", "thank you", "cheers", "ta", "if you can", "would be great")
OPENERS = ("hey", "hi", "ok", "so", "um", "right", "also", "and", "oh", "hello", "quick one", "yo", "alright")
