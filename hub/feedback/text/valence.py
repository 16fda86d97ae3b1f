"""Words of feeling and how much of it, as people mean them who write to a supplier: from −4 to 4.

Our own list, in groups of one weight. A word stands for its plain endings, too (`sentiment.py`).
"""

from __future__ import annotations

from typing import Final

_GROUPS: Final[dict[float, str]] = {
    3.2: """amazing awesome excellent outstanding fantastic brilliant superb phenomenal perfect wonderful incredible
        magnificent flawless exceptional best adore love loved lovely ecstatic thrilled delighted delightful marvelous
        marvellous gorgeous beautiful heaven hilarious miracle triumph bliss""",
    2.5: """great happy happiness excited exciting joy win won winner winning impressed impressive enjoy enjoyed
        enjoyable recommend grateful gratitude thankful blessed fabulous terrific stellar invaluable celebrate
        celebration success successful champion proud congrats congratulations congratulation laugh lol lmao rofl haha
        hahaha fun funny sweet cute glad pleased pleasure pleasant superior loyal hero genius hug kiss paradise beauty
        thrive freedom yay woohoo hooray romantic sexy hottest epic rock rocks adorable favorite favourite
        appreciated appreciate passion inspire inspired inspiring generous charming elegant smile smiling""",
    1.8: """good nice cool thanks thank thx ty helpful useful easy easily intuitive smooth smoothly seamless friendly
        kind kindly fast quick quickly prompt promptly efficient reliable responsive improve improved improvement
        improvements better valuable value benefit benefits solid powerful simple satisfied satisfying comfortable
        confident trust trusted safe secure supportive welcome hope hopeful hopefully wish fresh
        healthy peace calm relaxed relax free gain gains growth progress popular friend friends gift play
        interesting interested fascinating fair honest clever smart wise wow yes hot like liked likes party strong rich
        luck lucky save saved saves savings respect respected care caring special warm agree positive encourage
        encouragement encouraging creative talented talent cheer cheers bright dream dreams effective accurate
        knowledgeable professional attentive courteous polite thorough flexible robust stable praise reward rewarding
        treasure pretty handsome handy goodness""",
    1.0: """ok okay fine works working resolved solved fixed fix ready clear clearly sure well affordable cheap
        consistent modern straightforward decent alright help helped helps helping accept accepted
        adequate grow interest share nicely sincerely truly energy able enough""",
    -1.0: """slow slowly wait waiting waited delay delays delayed late manual missing lack lacks lacking limited
        unclear unsure complicated complex steep hard tedious clunky cumbersome issue issues expensive
        overpriced pricey costly difficult difficulty alone doubt doubts boring bored busy tired sleepy old
        stuck strange weird odd noisy small cold sneeze less unable stop stopped lost leave leaving forget forgot
        miss missed weak short fall lazy poorly heavy sorry low empty drop dropped""",
    -1.8: """bad problem problems trouble troubles bug bugs buggy error errors fail fails failed failing failure
        broken break breaks broke crash crashes crashed crashing confusing confused unstable unreliable inconsistent
        wrong incorrect incorrectly complain complaint complaints complained disappointed disappointing
        disappointment disappoint frustrated frustrating frustration annoying annoyed annoy upset unhappy sad sadly
        sadness worried worry worries concern concerned concerns unacceptable poor refuse refused rejected reject deny
        denied lose losing loser loss risk risky threat cancel cancelled canceled cancelling leave churn
        unresponsive ignored ignore ignoring unhelpful rude mess messy dumb stupid silly sick ill pain
        painful hurt hurts hurting cry crying cried tears lonely afraid fear scared scary nervous stress stressed
        stressful ugly dirty mad blame guilt guilty shame embarrassed embarrassing regret lie lied lying liar
        steal stole stolen fake mistake mistakes sucks suck sucked useless lame crap crappy damn meh ugh argh grr
        exhausted exhausting struggle struggling headache ache injured injury bother bothering jealous unfair
        unfortunately unfortunate misleading mislead dislike disliked blocked blocker outage outages unusable
        unprofessional insecure vulnerable breach violation dissatisfied unsatisfied hassle nuisance negative
        obsolete outdated corrupt corrupted""",
    -2.8: """terrible horrible awful worst hate hated hates hating disgusting disgusted disgust nightmare disaster
        catastrophe catastrophic pathetic furious angry anger rage outraged outrageous appalling abysmal atrocious
        dreadful miserable misery worthless garbage rubbish trash junk scam fraud fraudulent ripoff cheat cheated
        devastated devastating tragic tragedy heartbroken depressed depressing depression hell bitch
        bastard asshole fuck fucking fucked shit shitty kill killed killing killer murder dead death die died dying
        war attack cancer suicide evil abuse abused abusive torture violent violence crime criminal idiot idiots
        moron cruel horrific horror panic despise loathe unforgivable incompetent negligent lawsuit sue
        destroyed destroy rape terror terrorist bomb poison""",
    2.8: """breathtaking bravo delicious glorious glory legendary mesmerizing mesmerising spectacular splendid
        stunning elated rejoice victory""",
    2.2: """admire ace bless blessing cherish coolest cutest darling dazzling entertained entertaining
        enthusiastic exceed exceeds exceeded fab festive fortunate fulfilled giggle graceful gracious harmony
        humor humour joyful jolly legend lovable merry nailed peaceful playful pleasing precious promising
        refreshing relief relieved remarkable tasty thankfully thrill treat upbeat uplifting vibrant warmth
        woot yum yummy holiday vacation""",
    1.6: """advantage agreeable attractive boost brave chill classy comfort comfy compliment courage cozy cosy
        dear dependable eager empower energetic engaging faith flourish honor honour ideal joke keen lively
        motivated optimistic prosperous proven sunny sunshine sympathy tender wealthy""",
    -1.4: """absurd alarm anxious anxiety apologise apologize awkward clumsy clueless disagree disappear drama
        drunk fault faulty flaw flawed fool foolish frown harsh hungry impatient overwhelmed penalty pity
        sarcastic shady sore suspicious tense uncomfortable uneasy unwanted warn warning whine whining
        downgrade spam""",
    -2.2: """abandon abandoned ashamed arrogant bitter burden chaos creepy curse danger dangerous darn deceive
        deceived defeat desperate disrespect dread fooled freak gloomy greed greedy grief grim gross grumpy
        harm helpless hopeless hostile humiliated illegal inferior insult insulted irritate irritating
        irritated lousy mock neglect neglected numb offend offended offensive ouch ruin ruined scream
        screaming selfish shocking shocked sob sorrow spite stink stinks suffer suffering threaten toxic trap
        troll unlucky unpleasant victim waste wasted weep wreck wound yell yelling yuck ridiculous rotten
        screwed nasty""",
    -3.0: """agony betray betrayed despair detest doomed filthy horrid infuriating melancholy mourn nausea nauseous
        pissed puke revenge savage scandal sickening slut trauma traumatic vile vomit vulgar""",
}
VALENCE: Final[dict[str, float]] = {word: weight for weight, group in _GROUPS.items() for word in group.split()}

PHRASES: Final[dict[str, float]] = {
    "does not work": -2.0, "does not load": -2.0, "doesn't load": -2.0,
    "doesn't work": -2.0, "not working": -2.0, "stopped working": -2.0, "waste of": -2.5,
    "rip off": -2.5, "let down": -2.0, "fed up": -2.4, "no longer": -0.8, "can't wait": 2.0, "cannot wait": 2.0,
    "no problem": 1.2, "no problems": 1.4, "no issues": 1.4, "no complaints": 1.8, "well done": 2.4, "good job": 2.2,
    "great job": 2.8, "thumbs up": 2.2, "thumbs down": -2.0, "hats off": 2.4, "not bad": 1.0, "too many": -0.8,
    "too much": -0.8, "keep up": 1.2, "looking forward": 1.6, "look forward": 1.6, "at risk": -1.6, "give up": -1.8,
    "falls short": -1.6, "could be better": -1.0, "feature request": 0.0, "support ticket": 0.0, "kind of": 0.0,
    "right now": 0.0, "the bomb": 2.6, "bad ass": 1.5, "the shit": 2.0, "cut off": -1.2, "shut down": -1.0,
}  # fmt: skip

FACES: Final[dict[str, float]] = {
    ":)": 2.0, ":-)": 2.0, ":d": 2.4, ":-d": 2.4, "=)": 2.0, ";)": 1.4, ";-)": 1.4, "<3": 2.4, "(:": 2.0, ":p": 1.4,
    "xd": 2.2, ":')": 1.8, "^_^": 2.0, ":(": -2.0, ":-(": -2.0, "=(": -2.0, ":'(": -2.4, ":/": -1.2, ":-/": -1.2,
    ":|": -0.6, "</3": -2.6, "d:": -2.0, "):": -2.0, ">:(": -2.6, "☺": 2.0, "☹": -2.0, "♥": 2.4, "❤": 2.6, "😀": 2.2,
    "😁": 2.2, "😂": 2.0, "😃": 2.2, "😄": 2.2, "😊": 2.2, "😍": 3.0, "😘": 2.4, "👍": 2.0, "🎉": 2.4, "🙏": 1.4,
    "🔥": 1.6, "👏": 2.2, "😞": -2.0, "😠": -2.6, "😡": -3.0, "😢": -2.2, "😭": -2.2, "😤": -2.0, "👎": -2.0,
    "😒": -1.8, "🤬": -3.2, "💔": -2.6, "😩": -2.0, "😕": -1.4,
}  # fmt: skip


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words of feeling that other languages write alike: they say nothing about the language.
SHARED: Final = _set(
    """
    problem problems bug bugs fair warm war modern stable hero fun cool nice ok okay error errors crash positive
    negative simple effective terrible horrible excellent miserable superb robust flexible fatal normal agree romantic
    sincerely respect passion triumph party hot rock positive cancer violence violent suicide catastrophe crime cruel
    tragic panic junk fan epic top pathetic charming elegant intuitive adequate gift lag rare stress dream creative
    talent evil
    """
)

NEGATIONS: Final = _set(
    """
        not no never none nobody nothing neither nor without hardly barely scarcely don't doesn't didn't
        can't cannot couldn't won't wouldn't isn't aren't wasn't weren't haven't hasn't hadn't shouldn't
        ain't dont doesnt didnt cant wont isnt wasnt nope
        """
)
STRONGER: Final = _set(
    """
        very really so extremely absolutely completely totally incredibly super highly especially truly
        deeply terribly awfully fucking too utterly most hugely insanely quite entirely much such
        freaking
        """
)
WEAKER: Final = _set(
    """
        slightly somewhat barely hardly little bit kinda sorta fairly rather partly almost
        """
)
