// How a case is scored: facts by what they say, causes, answers, and what must not be claimed.

interface Fact {
  readonly n?: number
  readonly at: string | number | null
  readonly what: string
  readonly subject: Readonly<Record<string, unknown>>
  readonly detail?: Readonly<Record<string, unknown>> | null
  readonly cause: number | null
  readonly rule?: string | null
}

export interface Expected {
  readonly case: string
  readonly time: { readonly precision: string }
  readonly files: readonly { readonly file: string; readonly lines: number }[]
  readonly facts: readonly Fact[]
  readonly rootCause: { readonly mustName: readonly string[]; readonly mustNotClaim: readonly string[] }
  readonly answers: Readonly<Record<string, unknown>>
  readonly notKnown: readonly string[]
  readonly unread: readonly (readonly [string, number])[]
  readonly forbidden: readonly {
    readonly what: string
    readonly subject?: Readonly<Record<string, unknown>>
  }[]
}

export interface Found {
  readonly facts: readonly Fact[]
  readonly answers: Readonly<Record<string, unknown>>
  readonly notKnown: readonly string[]
  readonly unread: readonly (readonly [string, number])[]
  readonly counts: Readonly<Record<string, number>>
  readonly explain: string
}

export interface Score {
  readonly case: string
  readonly complete: boolean
  readonly expected: number
  readonly found: number
  readonly matched: number
  readonly causes: number
  readonly causesRight: number
  readonly answers: number
  readonly answersRight: number
  readonly forbidden: readonly string[]
  readonly wrong: readonly string[]
}

/** Compares one case. */
export function scoreCase(expected: Expected, found: Found): Score {
  const precision = expected.time.precision === 's' ? 1 : 0.000_002
  const pairs = pair(expected.facts, found.facts, precision)
  const wrong: string[] = []
  const taken = new Set(pairs.values())
  for (const [index, fact] of expected.facts.entries())
    if (!pairs.has(index)) wrong.push(`missing ${shown(fact)}`)
  for (const [index, fact] of found.facts.entries()) if (!taken.has(index)) wrong.push(`extra ${shown(fact)}`)
  const caused = expected.facts.filter(({ cause, rule }) => cause !== null && rule !== 'coincides').length
  const causeErrors = causesWrong(expected.facts, found.facts, pairs)
  const answers = Object.keys(expected.answers)
  const answerErrors = answers.filter(
    (key) => !answerIs(expected.answers[key], found.answers[key], precision),
  )
  const forbidden = claimed(expected, found)
  wrong.push(...causeErrors, ...answerErrors.map((key) => `answer ${key}`), ...kept(expected, found))
  const missing = wrong.filter((text) => !text.startsWith('extra ')).length
  return {
    case: expected.case,
    complete: missing === 0 && forbidden.length === 0,
    ...{ expected: expected.facts.length, found: found.facts.length, matched: pairs.size },
    ...{ causes: caused, causesRight: caused - causeErrors.length },
    ...{ answers: answers.length, answersRight: answers.length - answerErrors.length },
    ...{ forbidden, wrong: wrong.slice(0, 12) },
  }
}

function shown({ at, what, subject, detail }: Fact): string {
  const { dev, map, ctrl, sid } = subject
  return `${String(at)} ${what} ${JSON.stringify(dev ?? map ?? ctrl ?? sid ?? '')} ${JSON.stringify(detail ?? null)}`
}

function momentOf(at: string | number | null): number | null {
  if (at === null || typeof at === 'number') return at
  const fraction = /\.(\d+)Z$/.exec(at)?.[1] ?? ''
  return Date.parse(at.replace(/\.\d+Z$/, 'Z')) / 1000 + (fraction === '' ? 0 : Number(`0.${fraction}`))
}

function near(a: string | number | null, b: string | number | null, precision: number): boolean {
  const [first, second] = [momentOf(a), momentOf(b)]
  if (first === null || second === null) return first === second
  return Math.abs(first - second) <= precision
}

function pair(expected: readonly Fact[], found: readonly Fact[], precision: number): Map<number, number> {
  const pairs = new Map<number, number>()
  const taken = new Set<number>()
  for (const [index, fact] of expected.entries()) {
    const match = found.findIndex(
      (one, at) =>
        !taken.has(at) &&
        one.what === fact.what &&
        near(fact.at, one.at, precision) &&
        holds(fact.subject, one.subject) &&
        holds(fact.detail ?? {}, one.detail ?? {}),
    )
    if (match < 0) continue
    taken.add(match)
    pairs.set(index, match)
  }
  return pairs
}

/** Every value that is asked for and not null is there. */
function holds(asked: Readonly<Record<string, unknown>>, given: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(asked).every(
    ([key, value]) => value === null || JSON.stringify(value) === JSON.stringify(given[key]),
  )
}

function causesWrong(
  expected: readonly Fact[],
  found: readonly Fact[],
  pairs: ReadonlyMap<number, number>,
): string[] {
  return expected.flatMap((fact, index) => {
    const one = found[pairs.get(index) ?? -1]
    if (one === undefined) return []
    const wanted = fact.cause === null ? null : (pairs.get(fact.cause) ?? -1)
    if (fact.rule === 'coincides' && one.cause === null) return []
    if (one.rule === 'coincides' && wanted === null) return []
    if (one.cause === wanted) return []
    const given = one.cause === null ? 'none' : shown(found[one.cause] ?? one)
    return [
      `cause of ${shown(fact)}: ${given}, not ${fact.cause === null ? 'none' : shown(expected[fact.cause] ?? fact)}`,
    ]
  })
}

/** Words of people are compared by what they stand for: the kind of who brought something back. */
function answerIs(asked: unknown, given: unknown, precision: number): boolean {
  if (isBack(asked) && isBack(given)) {
    const kinds = (list: readonly { kind: string }[]): string =>
      list
        .map(({ kind }) => kind)
        .sort()
        .join()
    return kinds(asked) === kinds(given)
  }
  return same(asked, given, precision)
}

function isBack(value: unknown): value is { kind: string }[] {
  return (
    Array.isArray(value) &&
    value.every((one: unknown) => typeof one === 'object' && one !== null && 'kind' in one && 'by' in one)
  )
}

function same(asked: unknown, given: unknown, precision: number): boolean {
  if (asked === null) return given === null || given === undefined
  if (typeof asked === 'number') return typeof given === 'number' && Math.abs(asked - given) <= precision * 2
  if (typeof asked === 'string')
    return asked === given || (isTime(asked) && isTime(given) && near(asked, given, precision))
  if (typeof asked !== 'object') return asked === given
  if (Array.isArray(asked)) return sameList(asked, given, precision)
  return sameObject(asked as Record<string, unknown>, given, precision)
}

function sameObject(asked: Record<string, unknown>, given: unknown, precision: number): boolean {
  // Asked of one, given as a list of one.
  if (Array.isArray(given)) return given.length === 1 && same(asked, given[0], precision)
  if (typeof given !== 'object' || given === null) return false
  const whole = given as Record<string, unknown>
  // A length is known where its end is: beside an end that is only bounded, nothing is the least.
  const bounded = 'spans' in asked && JSON.stringify(asked).includes('toAtMost')
  return Object.entries(asked).every(
    ([key, value]) => (bounded && key === 'secondsAtLeast') || same(value, whole[key], precision),
  )
}

function sameList(asked: readonly unknown[], given: unknown, precision: number): boolean {
  if (!Array.isArray(given) || given.length !== asked.length) return false
  const left: unknown[] = [...(given as unknown[])]
  return asked.every((one) => {
    const at = left.findIndex((other) => same(one, other, precision))
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  })
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)
}

/** What fails a case whatever else is right. */
function claimed(expected: Expected, found: Found): string[] {
  const facts = expected.forbidden
    .filter(({ what, subject }) =>
      found.facts.some((fact) => fact.what === what && holds(subject ?? {}, fact.subject)),
    )
    .map(({ what, subject }) => `fact ${what} ${JSON.stringify(subject ?? {})}`)
  const words = expected.rootCause.mustNotClaim
    .filter((text) => found.explain.includes(text))
    .map((text) => `claims '${text}'`)
  const { lines = 0, witness = 0, context = 0, noise = 0, unread = 0 } = found.counts
  const silent =
    lines === witness + context + noise + unread && context >= 0 ? [] : ['lines that end nowhere']
  const read =
    expected.files.reduce((sum, file) => sum + file.lines, 0) === lines ? [] : [`${lines} lines were read`]
  return [...facts, ...words, ...silent, ...read]
}

function kept(expected: Expected, found: Found): string[] {
  const text = found.explain.toLowerCase()
  const named = expected.rootCause.mustName
    .filter((name) => !text.includes(name.toLowerCase()))
    .map((name) => `explain does not name '${name}'`)
  const unread = expected.unread.filter(
    ([file, line]) => !found.unread.some(([name, at]) => name === file && at === line),
  )
  const guessed = found.unread.filter(
    ([name, at]) => !expected.unread.some(([file, line]) => name === file && at === line),
  )
  const silent =
    expected.notKnown.length > 0 && found.notKnown.length === 0 ? ['nothing is said not to be known'] : []
  return [
    ...named,
    ...unread.map(([file, line]) => `${file}:${line} is not unread`),
    ...guessed.map(([file, line]) => `${file}:${line} is unread`),
    ...silent,
  ]
}
