/** Words and constructions that docs/style.md rules out, each with what to write instead. */

export interface Phrase {
  /** What is searched for; a space stands for any run of spaces and for the end of a line within a paragraph. */
  readonly find: string;
  readonly instead: string;
  /** Searched for as it is written, lines and all, with upper and lower case apart. */
  readonly raw?: true;
}

/** Words that make an option or argument read as an indirect question. */
const QUESTION = "(?:what|which|where|whose|who|whom|whether|how)";

const PEOPLE = "name the person, or: they, them, their";

export const PHRASES: readonly Phrase[] = [
  // British spelling, in names too.
  {
    find:
      "\\w*(?:behaviour|colour|favour|honour|neighbour|catalogue|licence|judgement|misspelt|learnt|labell(?!edby)|(?:initial|normal|organ|recogn|serial|summar)is(?:e|ing|ation))\\w*",
    instead: "American spelling: behavior, color, license, recognize",
  },
  // Passives that English does not have.
  {
    find:
      "\\b(?:is|are|was|were|be|been|being)(?: not| also| only)? (?:got|told|said|let in|seen to)\\b(?<!\\bbe got)(?! (?:apart|off))",
    instead: "an active verb: download, print, report, sign in",
  },
  { find: "\\b(?:got|gets?|getting|gotten) back\\b", instead: "download" },
  // Resuming.
  { find: "\\bgone on with\\b", instead: "resumed" },
  { find: "\\b(?:go|goes|going|went) on with\\b", instead: "resume, continue with" },
  { find: "\\b(?:go|goes|going|went|gone) on (?:from|where)\\b", instead: "resume" },
  { find: "\\b(?:goes|went|gone) on(?=[.,;:)]|$)", instead: "continue, keep running, resume" },
  { find: "\\bbr(?:oken|eaks?|oke) off\\b", instead: "interrupted" },
  { find: "\\bleft halfway\\b", instead: "interrupted" },
  { find: "\\bon (?:its|their) way(?! to be)\\b", instead: "in progress, in transit" },
  // Literary and old words.
  { find: "\\bwhence\\b", instead: "where … from" },
  { find: "\\banew\\b", instead: "again" },
  { find: "\\ball the same\\b", instead: "anyway, still; or: identical" },
  { find: "\\bbe rid of\\b", instead: "delete, remove" },
  {
    find: "\\bmay go\\b(?! (?:to|up|down|through|into|over|out|back)\\b)",
    instead: "can be deleted",
  },
  { find: "\\bfor ever\\b", instead: "forever" },
  { find: "\\bworth while\\b", instead: "worthwhile" },
  { find: "\\bin good order\\b", instead: "cleanly" },
  { find: "\\bgoes? before\\b", instead: "takes precedence over" },
  { find: "\\bbeforehand\\b", instead: "before, first" },
  { find: "\\bat hand\\b", instead: "available" },
  { find: "\\bthe like\\b", instead: "similar …, or name them" },
  // Not any more; so many.
  { find: "\\bany more\\b(?! than\\b)(?![^.!?\\n]*\\?)", instead: "no longer; or: further" },
  { find: "\\bso many\\b(?! that\\b)", instead: "N …, or the number" },
  // Order and place.
  {
    find:
      "(?<!\\b(?:left|leaves?|leaving|falls?|fell|lags?) (?:\\S+ ){0,8})\\bbehind\\b(?! (?:an?|the|one|its|your|some) (?:\\S+ )?(?:NAT|proxy|firewall|router|balancer|address|tunnel|gateway))(?! (?:NAT|proxies|firewalls|routers|NATs)\\b)",
    instead: "after",
  },
  { find: "\\bby another way\\b", instead: "out of band, for example by phone" },
  { find: "\\bby a way that\\b", instead: "over a channel that" },
  {
    find: "\\bby (?:either|both) protocols?\\b",
    instead: "over either protocol, over both protocols",
  },
  { find: "\\bby protocol (?=[34]\\b)", instead: "over protocol" },
  { find: "\\b(?:of|from) (?:another|any|whatever) make\\b", instead: "third-party" },
  // Sentences without a subject.
  { find: "\\bwho(?:m|so)?ever\\b", instead: "anyone who, or name the actor" },
  { find: "\\bof which\\b", instead: "a sentence of its own" },
  { find: "\\bwhat (?:there is|comes?|has come|is kept|is held)\\b", instead: "name the thing" },
  { find: "\\bthere (?:is|are) none\\b", instead: "no such …, or a verb" },
  {
    find: "(?<=^|[.!?] )(?:What|Who|Whose|Whom) (?!to do)[^.?!\\n:]*\\.(?= |$)",
    instead: "a noun as the subject",
  },
  { find: "\\bwho he is\\b|\\bwho one is\\b", instead: "the user's identity" },
  { find: "\\bis no (?=[A-Z])", instead: "is not" },
  { find: "\\bother ones\\b", instead: "others, different …, or: changed" },
  { find: "\\b(?:be|been) (?:had|got)\\b", instead: "available, or an active verb" },
  { find: "\\b(?:is|are|was|were) to be\\b", instead: "must be, should be, will be" },
  {
    find: "\\b(?:is|are|was|were|be|been) (?:waited for|looked at|gone by)\\b",
    instead: "an active verb: wait for, check, use",
  },
  {
    find:
      "(?<=^|[.!?] )Where (?:it|they|there|that|this|one|nobody|somebody|no|an?|the) [^.?!\\n]*, ",
    instead: "If …, or When …",
  },
  { find: "\\bnot what was stored\\b(?!`)", instead: "damaged" },
  // One term for each concept.
  { find: "\\bin force\\b", instead: "effective" },
  { find: "\\blog(?:s|ged|ging)? in(?:to)?\\b|\\blog-in\\b", instead: "sign in" },
  { find: "\\bauthority that vouches\\b", instead: "certificate authority (CA)" },
  { find: "\\bpass(?:ed|es) over\\b", instead: "skipped, ignored" },
  { find: "\\bnot known whether\\b", instead: "unconfirmed" },
  // People.
  { find: "(?<![\\w'\"-])(?:he|him|himself|his)(?![\\w'\"-])", instead: PEOPLE },
  // Help lines, in a table of a page, in what a command prints, and where they are declared.
  {
    find: `^\\| \`-[^\`|]*\` +\\| ${QUESTION}\\b`,
    instead: "begin with a noun or an imperative",
    raw: true,
  },
  {
    find: `^ {2,}(?:-\\w, )?--?[a-z][\\w-]*(?: [<[][^\\n]*?[>\\]])? {2,}${QUESTION}\\b`,
    instead: "begin with a noun or an imperative",
    raw: true,
  },
  {
    find: `(?:option|argument|Option|Argument)\\(\\s*"[^"\\n]*",\\s*"${QUESTION}\\b`,
    instead: "begin with a noun or an imperative",
    raw: true,
  },
];
