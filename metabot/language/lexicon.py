"""The words of the synthetic corpus, each list split into trained and never-trained phrases.

Every list has phrases for training, other phrases for choosing the abstention threshold
(`validation`) and a third set that only the final measurement sees (`test`): figures on the
test phrases say how the model does on words nobody showed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Words:
    """One slot of the grammar."""

    name: str
    """Kind of phrase, by which figures are broken down."""
    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    open: bool = False
    """An invented word may stand here in training, so that the position carries the meaning."""

    def of(self, split: Split) -> tuple[str, ...]:
        """The phrases of one split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[split]


def _words(name: str, train: str, validation: str = "", test: str = "", *, open: bool = False) -> Words:
    def parts(text: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text.replace("\n", " ").split("|") if part.strip())

    return Words(name, parts(train), parts(validation), parts(test), open)


ROBOT = _words(
    "robot noun",
    "robot|robot|robot|robot|bot|car|vehicle|rover|machine|unit|droid|buggy|mobile robot|little robot|wheeled robot|"
    "robot car",
    "cart|wagon|crawler",
    "truck|automobile|roller|kart",
    open=True,
)
PAD = _words(
    "place noun",
    "pad|pad|pad|pad|zone|spot|disc|disk|target|area|circle|marker|tile|plate|goal|mat|square|station|dock|point|"
    "location|place|base|field|position|landing pad|parking spot|goal zone|target area",
    "patch|bay",
    "platform|destination|region|mark",
)
DRIVE = _words(
    "driving verb",
    "drive|drive|go|head|move|travel|roll|navigate|proceed|get|steer|run|cruise|advance|race|hurry|rush|motor|"
    "trundle|come|ride|march|drive over|head over|go over|get over|move over|head off|drive on|move on|"
    "find a way|set off|migrate|return",
    "journey|zoom|dash|creep|scurry|wheel",
    "glide|speed|wander|scoot|venture|sprint|coast",
    open=True,
)
SEND = _words(
    "sending verb",
    "send|send|bring|dispatch|steer|drive|direct|guide|move|take|route|lead|get|navigate|command|order|shift|"
    "pilot|assign|roll|run|send off|return|rush",
    "conduct|escort|transfer|forward",
    "usher|shepherd|deploy|channel|hurry along",
    open=True,
)
PARK = _words("parking verb", "park|put|place|position|station|stop|line up|set", "settle|halt", "locate|berth|post")
TOWARD = _words(
    "preposition", "to|to|to|to|to|onto|towards|toward|for|over to|up to|on to", "all the way to", "right up to"
)
MODAL = _words(
    "modal",
    "should|must|have to|need to|shall|will|are to|can|ought to|are supposed to|please",
    "would",
    "had better|are asked to",
)
WISH = _words(
    "wish",
    "i want|i want|i need|i'd like|we need|we want|give me|there should be|i want to see",
    "we wish for",
    "i would like|we'd love to have",
)
HAVE = _words("causative", "have|let|make|i want|i need|get", "help", "see that|i would like")
APART = _words(
    "contact forbidden",
    "without touching each other|without touching|without colliding|without bumping into each other|"
    "without any collisions|without collisions|without contact|without crashing|without hitting each other|"
    "avoiding each other|avoiding collisions|with no collisions|with no contact|while keeping apart|"
    "while avoiding each other|and never touch|and do not touch each other|and don't collide|and keep apart|"
    "keeping a safe distance|staying clear of each other|not touching each other|contact free|and stay apart|"
    "without crashing into one another|without any contact|"
    "and no collisions|without a collision|and avoid each other|and must not touch|without bumping",
    "without running into each other|and never meet|steering clear of one another",
    "without scratching each other|giving one another a wide berth|and mind the others|collision free",
)
APART_SENTENCE = _words(
    "contact forbidden",
    "no collisions|do not collide|don't touch each other|do not touch|no touching|no contact|keep apart|"
    "avoid collisions|avoid each other|they must not touch|they may not touch each other|stay apart|no bumping|"
    "contact is forbidden|contact is not allowed|contact not allowed|no collision|contact forbidden|"
    "must not collide|avoid contact|don't hit each other|collisions are forbidden|touching is not allowed|"
    "keep your distance|never touch each other|no crashes|they should not collide|touching forbidden|"
    "they must not bump into each other|make sure they do not touch|do not crash|don't bump",
    "nobody touches anybody|do not run into each other|bumping is forbidden",
    "no accidents|mind each other|hits are not allowed|contact is off limits",
)
TOUCH = _words(
    "contact allowed",
    "and they may touch|and may touch each other|and contact is fine|touching is fine|with contact allowed|touching ok|"
    "and may bump into each other|and collisions are fine|and bumping is okay|with touching allowed|"
    "and they can touch|even if they touch|even if they bump into each other|and touching is allowed",
    "and they are free to touch|and a bump does no harm",
    "and nudging is alright|and rubbing shoulders is okay",
)
TOUCH_SENTENCE = _words(
    "contact allowed",
    "they may touch|they may bump|contact is fine|contact ok|touching is ok|touching allowed|contact is ok|"
    "contact is allowed|touching is okay|touching is fine|"
    "collisions are okay|they can touch each other|bumping is fine|bumping is allowed|they may collide|"
    "they are allowed to touch|contact allowed|collisions allowed|it is okay if they touch|"
    "i don't mind if they touch|touching each other is no problem|they may bump into each other|"
    "don't worry about collisions|it does not matter if they collide|contact permitted",
    "they are free to touch|collisions do not matter|a bump is fine",
    "nudging is alright|feel free to bump|never mind any collisions",
)
LIMIT = _words(
    "time phrase",
    "within {t}|within {t}|in {t}|in under {t}|in less than {t}|in at most {t}|in no more than {t}|within at most {t}|"
    "before {t} are over|inside {t}|in {t} or less|taking at most {t}|in {t} at most|{t} at most|{t} max|"
    "within {t}|in {t}|with a time limit of {t}|with a limit of {t}|under {t}|"
    "in max {t}|within {t} or less|with a deadline of {t}",
    "in {t} tops|before {t} have passed|with {t} on the clock",
    "in {t} flat|with a budget of {t}|using up no more than {t}|inside of {t}",
)
LIMIT_SENTENCE = _words(
    "time phrase",
    "you have {t}|they have {t}|time limit {t}|time limit: {t}|the time limit is {t}|limit {t}|at most {t}|"
    "{t} at most|maximum {t}|be there within {t}|finish in {t}|finish within {t}|no more than {t}|max {t}|"
    "it must take less than {t}|arrive within {t}|deadline {t}|"
    "time limit of {t}|max time {t}|time: {t}|limit: {t}|deadline: {t}|"
    "you've got {t}|maximum time {t}|all within {t}",
    "you get {t}|be done in {t}",
    "the clock stops after {t}|{t} is all you get|timeout {t}",
)
SECONDS = _words("seconds", "seconds|seconds|seconds|secs|sec|s")
GREETING = _words(
    "filler",
    "please|please|ok|okay|hey|hi|hello|now|hey robots|listen|alright|right|so|well|could you please|can you|"
    "could you|would you|kindly|i want you to|i'd like you to|your task is to|your job:|task:|mission:|next|"
    "ok team|dear robots|go ahead and|let's",
    "good morning|attention|today",
    "yo|folks|be so kind and|new order:",
)
CLOSING = _words(
    "filler",
    "please|please|thanks|thank you|now|right now|quickly|carefully|slowly|as fast as possible|safely|"
    "at once|immediately|ok|okay|if you can|asap|all together|at the same time|in parallel",
    "gently|many thanks|straight away",
    "cheers|swiftly|without delay|simultaneously",
)

OTHER_ACTION = _words(
    "other action",
    "fly|jump|swim|hop|climb|dive|sail|teleport|dance|sing|sleep|spin|wave|jog|float|leap|crash|shoot|bounce|"
    "drill|talk|listen|point|look|whistle|throw a ball|wink|burrow|walk on two legs|surf|skate|parachute|"
    "do a flip|turn around|lift off|take off|rotate|knock|shout|charge",
    "hover|dig|crawl under|ski",
    "soar|tunnel|somersault|skydive|yell|levitate",
)
DO_TO_PAD = _words(
    "other action",
    "paint|clean|eat|cook|pick up|lift|grab|destroy|wash|build|remove|photograph|break|sell|buy|push|pull|scan|"
    "measure|watch|kick|burn|draw|touch up|repair|delete|rename|inspect|describe|find out about|count|move|carry|"
    "rotate|hide|steal|fold|throw|bring me|fetch|take away|turn off|switch on|charge|print|weigh|polish|"
    "circle around|block|guard",
    "sweep|smash|decorate|mop",
    "vacuum|demolish|sketch|photocopy|nudge|bury",
)
OBJECT = _words(
    "object",
    "cube|box|ball|block|cup|bottle|book|ring|package|parcel|tool|brick|toy|key|phone|bag|apple|banana|plate of food|"
    "cylinder|sphere|crate|basket|can|hat|pen|coin|stick|rock|flag|chair|lamp|wheel|screw|gear|hammer|pallet",
    "bucket|spoon|rope",
    "mug|vase|suitcase|pyramid|barrel",
)
HANDLE = _words(
    "handling verb",
    "pick up|grasp|grab|lift|carry|bring me|fetch|take|push|pull|throw|drop|hold|stack|move|deliver|give me|hand me|"
    "get me|kick|catch|collect|pick|place|put down|find|hand over|transport|drag|turn over|open|close|bring",
    "seize|shove|haul",
    "hoist|toss|clutch|snatch|pass me",
)
CHORE = _words(
    "chore",
    "make me a coffee|cook dinner|make a sandwich|clean the kitchen|wash the dishes|do the laundry|play a song|"
    "play some music|order a pizza|write a poem|tell me a joke|book a flight|water the plants|turn on the lights|"
    "open the door|close the window|feed the cat|vacuum the floor|take a picture|take a photo|sing a song|"
    "solve this equation|write a program|translate this text|send an email|call my mother|set an alarm|"
    "set a timer for 20 seconds|remind me in 5 minutes|buy some milk|bake a cake|fly to the moon|go to sleep|"
    "shut down|switch off|restart|charge your batteries|build a house|paint the wall|mow the lawn|play chess|"
    "play football|make tea|brew some coffee|dance a waltz|do a backflip|draw a circle|draw a red circle|"
    "follow me|wait here|stop|explore the maze|map the room|form a circle|line up|swap places|chase each other|"
    "race each other|do nothing|stay where you are|learn to walk|fight each other|explain yourself",
    "knit a sweater|fix my bike|boil an egg|read me the news|hug me",
    "iron my shirts|peel the potatoes|rob a bank|compose a symphony|walk the dog|fry an egg|print this page",
)
ELSEWHERE = _words(
    "other place",
    "moon|kitchen|door|house|street|office|table|window|garden|park|bathroom|wall|corner|shop|supermarket|station hall|"
    "airport|beach|forest|mountain|river|car|charger|elevator|stairs|hallway|living room|bedroom|roof|city|school|"
    "desk|fridge|sofa|middle of the room|center|exit|entrance|human|person|dog|cat|tree|lake|bridge|cube|box|ball|"
    "chair|light|line|flag|robot|star|building|cone|cup|north|left|right|other side|end of the world|sun",
    "cellar|pharmacy|bakery|fountain",
    "basement|museum|harbour|balcony|statue|planet mars|sink|letterbox",
)
OTHER_COLOR = _words(
    "other colour",
    "pink|black|white|brown|grey|gray|cyan|magenta|turquoise|violet|gold|silver|beige|teal|indigo|maroon|golden|"
    "dark|transparent|rainbow|lime",
    "navy|crimson|olive",
    "lavender|scarlet|ivory|khaki|bronze",
)
NOT_ROBOT = _words(
    "other actor",
    "dog|cat|person|child|man|woman|human|bird|fish|drone|helicopter|plane|cow|student|player|boat|ship|horse|duck",
    "mouse|soldier",
    "elephant|penguin|teacher|balloon",
)
EXTRA = _words(
    "extra demand",
    "then come back|and then return home|and back again|and wait there|then dance|and sing a song|and pick up the ball|"
    "and spin around|at 2 meters per second|in a straight line|backwards|one after the other|in alphabetical order|"
    "via the middle|and take a picture|then stop the music|along the wall|while carrying a box|and then fly away|"
    "and push the box|and open the door|in formation|while pushing a ball|twice|three times|and form a circle|"
    "but only if it rains|every morning|and report back|and turn off the lights|when i say so|"
    "and wave|with the lights on|through the door|and bring me a coffee|after lunch|and jump",
    "and then flip over|on one wheel|and honk",
    "and whistle a tune|while juggling|until midnight|and then explode|and salute",
)
CHAT = _words(
    "chit-chat",
    "hello|hi there|good morning|how are you|what is your name|who are you|thank you|thanks a lot|what time is it|"
    "what can you do|i am bored|i like robots|tell me about yourself|the weather is nice today|are you a robot|"
    "do you like me|i love you|what is the capital of france|how many robots are there|which colors do you have|"
    "where is the red pad|is the red pad free|why is the sky blue|blue is my favourite color|red|the red pad|pads|"
    "robots|three robots|robot 1|yes|no|maybe|ok|okay|never mind|forget it|help|what|nothing|test|hello world|"
    "the pads are red and green|my car is red|i have three robots|how far is the blue pad|are the robots ready|"
    "did robot 1 reach the green pad|which robot is on the red pad|without touching each other|within 20 seconds|"
    "do not collide|when will robot 2 arrive|two plus two is four|you are stupid|good night|see you later|"
    "the robots are on the red and blue pads|red and blue make purple|roses are red and violets are blue|"
    "robot 2 broke down|what does purple mean|robots are cool|who won the game|"
    "where are the robots|the green pad is broken|there are six pads|what is a pad|nice work|red green blue",
    "how old are you|is it raining|the blue pad is wet|do pads hurt",
    "who built you|what is love|my robot is tired|the orange pad is far away|how big is the arena|"
    "can robots dream|is green better than blue|i lost my keys",
)
FOREIGN = _words(
    "other language",
    "fahre zum roten feld|drei roboter fahren zu den roten und blauen feldern|geh nach hause|va au carre rouge|"
    "trois robots vont aux zones rouge et bleue|ve al punto rojo|dos robots van al verde y al azul|bonjour|hola|"
    "guten tag|wie geht es dir|vai alla zona verde|ga naar het rode vlak|kör till den röda plattan|"
    "поезжай к красной точке|去红色的垫子|赤いパッドへ行け|ciao come stai|jak sie masz|merhaba|"
    "schicke roboter 1 zu blau|envoie le robot 1 au vert|manda el robot 2 al azul",
    "bring den roboter zum gelben kreis|conduis vers le disque bleu|привет роботы",
    "fahr bitte zur violetten zone|el robot debe ir al circulo naranja|tre roboter kjører til de blå|빨간 패드로 가",
)
NEGATED = _words(
    "negation",
    "do not drive to|don't go to|never go to|stay away from|keep away from|do not send any robot to|"
    "go anywhere but|drive anywhere except|no robot may go to|nobody goes to|don't move to|avoid|leave|"
    "do not park on|all robots must avoid|go away from|not to",
    "steer clear of|refuse to go to",
    "under no circumstances drive to|refrain from going to|back away from",
)
TOO_MANY = _words(
    "count above six",
    "seven|eight|nine|ten|eleven|twelve|twenty|fifty|a hundred|a thousand|a million|dozens of|a dozen|hundreds of|zero|"
    "no|7|8|9|10|11|12|15|20|40|100|1000|0|fifteen|thirty|countless",
    "thirteen|13|sixty",
    "fourteen|14|25|nineteen|a billion|99",
)
