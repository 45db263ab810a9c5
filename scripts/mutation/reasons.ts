// Why mutants that no test notices do the same as the code. By file and by what is mutated; a line would move.

type Reason = readonly [file: string, what: RegExp, why: string]

const COMPILER = 'the default, or the other branch, is there for the compiler: it cannot come up'
const BEFORE = 'the value before the stream has begun: its first event sets it'
const SPEED = 'only how often an answer is worked out anew'

const REASONS: readonly Reason[] = [
  ['engine/select/select.ts', /without its default$/, COMPILER],
  [
    'engine/select/select.ts',
    /^`node < table.current.length` with <=$/,
    'what is behind the last node is no path',
  ],
  ['engine/select/select.ts', /^1 -> 1 \+ 1$/, 'any lead, or any place before the first, will do'],
  ['engine/select/more-policies.ts', /without its default$/, COMPILER],
  [
    'engine/select/more-policies.ts',
    /^(16|60000000) -> /,
    'a bound; a sixteenth of a microsecond more or less decides nothing',
  ],
  ['machines/decision.ts', /refused/, 'what is undefined does not reach the ledger’s JSON'],
  ['machines/engine/engine.ts', /always its first$/, COMPILER],
  ['machines/head/context.ts', /./, BEFORE],
  ['machines/path/context.ts', /./, BEFORE],
  ['machines/head/head.ts', /without its default$/, COMPILER],
  [
    'machines/head/head.ts',
    /^`context.paths \+ context.lost` with -$/,
    'a path that comes cancels this timer: both are 0',
  ],
  [
    'machines/head/head.ts',
    /^`event.type === 'head.timerFired' .* with \|\|$/,
    'the guard is asked for this event alone',
  ],
  ['machines/lun/lun.ts', /^0 -> 0 \+ 1$/, BEFORE],
  ['machines/lun/lun.ts', /always its first$/, COMPILER],
  ['machines/path/health-region.ts', /^0 -> |without its default$/, COMPILER],
  ['machines/path/health-moves.ts', /event\.type === /, 'the guard is asked for this event alone'],
  ['machines/path/health.ts', /without its default$/, COMPILER],
  ['machines/path/health.ts', /^`us < recheckMaxUs` with <=$/, 'the smaller of the two is taken in the end'],
  ['machines/path/health.ts', /lastFailedUs !== null/, 'the first failure counts as one either way'],
  ['machines/redecide.ts', /^\d+ -> |^drops /, SPEED],
  ['machines/reservation/reservation.ts', /always its first$/, COMPILER],
  ['machines/reservation/rules.ts', /^`(added|attentions)\.length/, 'an equal state in another object'],
  ['machines/upcast.ts', /without its default$/, COMPILER],
]

/** Null where nobody has looked, or where a test is missing. */
export function reasonFor(file: string, what: string): string | null {
  return REASONS.find(([of, pattern]) => of === file && pattern.test(what))?.[2] ?? null
}
