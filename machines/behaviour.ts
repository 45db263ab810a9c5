// Behaviour that changed after ledgers had been written with the old one. Each change has a number and a name; the header of
// a ledger lists those that it was begun with, and keeps to them for ever: what an old ledger decided is decided again alike.
// Numbers are never used twice, and nothing is ever taken from the list.

/** One change of behaviour. */
export interface BehaviourFlag {
  readonly number: number
  readonly name: string
  /** What is otherwise in a ledger that has it. */
  readonly what: string
  /** It is not newer behaviour but another kind of ledger: only one that is made for it has it. */
  readonly chosen?: true
}

export const BEHAVIOUR_FLAGS: readonly BehaviourFlag[] = [
  {
    number: 1,
    name: 'short-decisions',
    what: 'A decision leaves out `context` when no key changed, and `effects` with `digest` when there is no effect.',
  },
  {
    number: 2,
    name: 'observed',
    what: 'Nothing on the ledger was decided by an engine: its streams are observations of a host, and `unknown` is a state.',
    chosen: true,
  },
  {
    number: 3,
    name: 'outages',
    what: 'A path whose access state becomes unusable stays in the caches: round-robin goes on from it, as the kernel does.',
  },
]

/** How a ledger behaves, by its header. */
export interface Behaviour {
  readonly shortDecisions: boolean
  readonly outages: boolean
  readonly observed: boolean
}

/** As a header names it: '1:short-decisions'. */
function nameOf({ number, name }: BehaviourFlag): string {
  return `${number}:${name}`
}

/** What the header of a new ledger lists. */
export const NEWEST_FLAGS: readonly string[] = BEHAVIOUR_FLAGS.filter(({ chosen }) => chosen !== true).map(
  nameOf,
)

const KNOWN_FLAGS: readonly string[] = BEHAVIOUR_FLAGS.map(nameOf)

/** What the header of a ledger of observations lists. */
export const OBSERVED_FLAGS: readonly string[] = ['1:short-decisions', '2:observed']

/** The first flag that this version does not know, so that it must not write to such a ledger; null when it knows all. */
export function unknownFlag(flags: readonly string[]): string | null {
  return flags.find((flag) => !KNOWN_FLAGS.includes(flag)) ?? null
}

/** The behaviour of a ledger whose header lists these flags. */
export function behaviourOf(flags: readonly string[]): Behaviour {
  return {
    shortDecisions: flags.includes('1:short-decisions'),
    outages: flags.includes('3:outages'),
    observed: flags.includes('2:observed'),
  }
}

/** The behaviour of a new ledger. */
export const NEWEST_BEHAVIOUR: Behaviour = behaviourOf(NEWEST_FLAGS)
