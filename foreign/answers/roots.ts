// What the trouble comes down to, as far as lines tell: one sentence for each kind of root that is there. None names a
// part (cable, switch, optics) that no line names.
import { UNUSABLE } from '../rules/causes.ts'
import type { Fact } from '../types.ts'
import type { Answered } from './answered.ts'
import { called, lasted, printedTime, shortName } from './print.ts'
import { pathKey } from './spans.ts'

type Root = (answered: Answered) => string[]

const ROOTS: readonly Root[] = [
  shutdown,
  reservation,
  identity,
  badSector,
  lyingPath,
  heldBack,
  portGroups,
  adapters,
  sessions,
  remotePorts,
  controllers,
  oneAfterTheOther,
  dropped,
]

/** Sentences of the roots; empty where no line tells any. */
export function rootSentences(answered: Answered): string[] {
  return ROOTS.flatMap((root) => root(answered))
}

function all(answered: Answered, what: string): Fact[] {
  return answered.facts.filter((fact) => fact.what === what)
}

function at(fact: Fact | undefined): string {
  return fact === undefined ? '' : String(printedTime(fact))
}

function list(names: readonly string[]): string {
  const unique = [...new Set(names)]
  if (unique.length > 8) return `${unique.length} paths`
  return unique.length < 2
    ? (unique[0] ?? '')
    : `${unique.slice(0, -1).join(', ')} and ${unique.at(-1) ?? ''}`
}

function shutdown(answered: Answered): string[] {
  const [down] = all(answered, 'hostShutdown')
  const closed = all(answered, 'sessionClosed')
  const dark = answered.dark.filter(({ from }) => (from.atUs ?? 0) >= (down?.atUs ?? Infinity))
  const [first] = dark
  if (down === undefined || first === undefined) return []
  const hung = all(answered, 'hungTask').at(0)
  const logout =
    closed.length === 0
      ? 'its paths were taken out'
      : `${closed.length} iSCSI sessions were closed and their paths taken out`
  return [
    `At shutdown (${at(down)}) ${logout} while ${called(first.map)} was still in use: the map was left without a path and ` +
      `what was written to it had to queue${hung === undefined ? '' : ` (${String(hung.detail.task)} was blocked)`}. ` +
      'Nothing on the logs says that anything was broken: it is the order of the shutdown.',
  ]
}

function reservation(answered: Answered): string[] {
  const conflicts = all(answered, 'reservationConflict')
  const [first] = conflicts
  if (first === undefined) return []
  const map = String(first.subject.map ?? shortName(first.subject))
  return [
    `From ${at(first)} on writes of this host to ${map} were refused with a reservation conflict through ` +
      `${list(conflicts.map(({ subject }) => shortName(subject)))}: somebody else holds the reservation, as it is when a node is ` +
      'fenced by taking its key away. The paths themselves are not what refuses; ask whoever manages the reservation.',
  ]
}

function identity(answered: Answered): string[] {
  const changes = all(answered, 'wwidChanged')
  const [first] = changes
  if (first === undefined) return []
  const before = answered.facts.find(
    ({ what, subject, detail }) =>
      subject.map === first.subject.map &&
      (what === 'checkerDown' || (what === 'attention' && detail.what === 'LUN assignments changed')),
  )
  return [
    `${list(changes.map(({ subject }) => shortName(subject)))} became paths of another LUN at ${at(first)}: the wwid changed from ` +
      `${String(first.detail.from)} to ${String(first.detail.to)}. The first LUN was unmapped` +
      `${before === undefined ? '' : ` (from ${at(before)} on its paths did not answer)`} and its number was reused. ` +
      `What is left under the old name ${String(first.subject.map)} is stale.`,
  ]
}

function badSector({ bad }: Answered): string[] {
  return bad.map(
    ({ sector, map, paths, times, first }) =>
      `Sector ${sector} of ${map} could not be read or written through every path that tried (${list(paths)}, ${times} times; first ` +
      `${at(first)}): what answers is the logical unit behind them. Look at the volume.`,
  )
}

function lyingPath({ facts, lying }: Answered): string[] {
  return lying.map((name) => {
    const fails = facts.filter(({ what, subject }) => what === 'failed' && subject.dev === name)
    const errors = facts.find(({ what, subject }) => what === 'ioErrors' && subject.dev === name)
    // What an operator failed was not brought back.
    const wrongly = fails.filter(({ detail }) => detail.by !== 'operator').length
    const operator = wrongly < fails.length ? ' until an operator failed it by hand' : ''
    return (
      `${called(fails[0]?.subject ?? { kind: 'path', dev: name })} answers its checker and fails I/O` +
      `${errors === undefined ? '' : ` with ${String(errors.detail.hostbyte ?? errors.detail.status)}`}: ${wrongly} times it was failed ` +
      `and, wrongly, brought back by the checker${operator}. The checker does not see what is wrong with it.`
    )
  })
}

function heldBack(answered: Answered): string[] {
  const seen = new Set<string>()
  return [...all(answered, 'delayed'), ...all(answered, 'marginal')].flatMap((fact) => {
    const key = pathKey(fact.subject)
    if (seen.has(key)) return []
    seen.add(key)
    const fails = answered.facts.filter((one) => one.what === 'failed' && pathKey(one.subject) === key)
    const frames = fails.filter(({ cause }) => cause?.cause?.what === 'frameErrors').length
    return [
      `${called(fact.subject)} failed ${fails.length} times${frames === 0 ? '' : `, ${frames} of them just after its adapter saw dropped frames`}` +
        `, and multipathd took it for marginal and held it back from ${at(fact)} on. The evidence points at the way of that one path.`,
    ]
  })
}

function portGroups(answered: Answered): string[] {
  const causes = new Set(
    answered.facts.flatMap(({ what, cause }) =>
      cause?.what === 'accessState' && what !== 'checkerUp' ? [cause] : [],
    ),
  )
  const groups = new Map<unknown, Fact[]>()
  for (const fact of causes) groups.set(fact.detail.group, [...(groups.get(fact.detail.group) ?? []), fact])
  return [...groups].map(([group]) => {
    const states = all(answered, 'accessState').filter(({ detail }) => detail.group === group)
    const out = states.find(({ detail }) => UNUSABLE.has(String(detail.access)))
    const words = states
      .map(({ detail }) => String(detail.access))
      .filter((word, index, whole) => word !== whole[index - 1])
    const paths = answered.facts.filter(
      ({ what, cause }) => what === 'ioErrors' && cause?.detail.group === group,
    )
    return (
      `The array says that its target port group ${String(group)} went through ${words.join(', ')} (port group ${String(group)} in ` +
      `transition or out of service from ${at(out ?? states[0])} on), and ${list(paths.map(({ subject }) => shortName(subject)))} failed with it.`
    )
  })
}

function adapters(answered: Answered): string[] {
  const downs = all(answered, 'linkDown').filter(({ subject }) => subject.nic === undefined)
  const causes = downs.filter((down) => answered.facts.some(({ cause }) => cause === down))
  const names = [...new Set(causes.map((fact) => adapterName(answered, fact)))]
  if (names.length === 0) return []
  const paths = answered.facts.filter(({ what, cause }) => what === 'failed' && linkBehind(cause) !== null)
  const members = new Set(paths.map(({ subject }) => pathKey(subject)))
  const both = names.length === 2 ? 'both of them ' : ''
  const word = causes[0]?.detail.word
  const ups = all(answered, 'linkUp')
  const outs = causes.map(
    (down) =>
      (ups.find((up) => up.subject.pci === down.subject.pci && up.order > down.order)?.atUs ?? NaN) -
      (down.atUs ?? 0),
  )
  const known = outs.filter((us) => Number.isFinite(us))
  return [
    `${names.join(' and ')}: ${both}link down${typeof word === 'string' ? ` (${word})` : ''} ${causes.length} ` +
      `time${causes.length === 1 ? '' : 's'}, first ${at(causes[0])}${known.length === 0 ? '' : `, for up to ${lasted(Math.max(...known))}`}; ` +
      `${members.size} paths known to go through ${names.length === 1 ? 'it' : 'them'} failed with it. The evidence points at ` +
      `${names.length === 1 ? 'that port and what it leads to' : 'what these ports have in common'}.`,
  ]
}

function linkBehind(fact: Fact | null): Fact | null {
  for (let one = fact; one !== null; one = one.cause) if (one.what === 'linkDown') return one
  return null
}

function adapterName({ hostOfPci }: Answered, { subject }: Fact): string {
  const host = subject.scsiHost ?? hostOfPci(String(subject.pci))
  return host === null
    ? `the adapter ${String(subject.pci)}`
    : `adapter ${String(host)} (${String(subject.pci)}, SCSI host ${String(host)})`
}

function sessions(answered: Answered): string[] {
  const lost = all(answered, 'connError')
  const timedOut = all(answered, 'sessionTimedOut')
  const [first] = lost
  if (first === undefined) return []
  const sids = [...new Set(lost.map(({ subject }) => `session ${String(subject.sid)}`))]
  const nic = answered.facts.find(
    ({ what, subject, atUs }) =>
      what === 'linkDown' &&
      subject.nic !== undefined &&
      Math.abs((first.atUs ?? 0) - (atUs ?? 0)) <= 10_000_000,
  )
  const both = sids.length === 2 ? 'both ' : ''
  return [
    `The connection of ${both}iSCSI ${sids.join(' and ')} was lost at ${at(first)}` +
      `${timedOut.length === 0 ? '' : `, and recovery timed out (${list(timedOut.map(({ subject }) => `session ${String(subject.sid)}`))})`}.` +
      (nic === undefined
        ? ''
        : ` At the same time as that the link of ${String(nic.subject.nic)} was down (${at(nic)}); only the times link the two.`),
  ]
}

function remotePorts(answered: Answered): string[] {
  return all(answered, 'rportLost').map((fact) => {
    const gone = answered.facts.filter(({ what, cause }) => what === 'removed' && cause === fact)
    const key = new Set(gone.map(({ subject }) => pathKey(subject)))
    const returned = answered.facts.filter(
      ({ what, subject, order }) => what === 'attached' && key.has(pathKey(subject)) && order > fact.order,
    )
    const renamed = returned.filter(
      ({ subject }) =>
        !gone.some((one) => pathKey(one.subject) === pathKey(subject) && one.subject.dev === subject.dev),
    )
    const names = renamed.map(
      ({ subject }) => `${String(subject.dev)} is ${String(subject.hctl)} of ${String(subject.map)} since`,
    )
    return (
      `The remote port ${String(fact.subject.rport ?? fact.subject.wwpn)} was lost (${at(fact)}): its devices ` +
      `${list(gone.map(({ subject }) => shortName(subject)))} were removed${names.length === 0 ? '' : `; they came back under other names: ${names.join(', ')}`}.`
    )
  })
}

function controllers(answered: Answered): string[] {
  return all(answered, 'errorRecovery')
    .slice(0, 4)
    .map((fact) => {
      const ctrl = String(fact.subject.ctrl)
      const own = answered.facts.filter(({ subject }) => subject.ctrl === ctrl)
      const alive = own.some(({ what }) => what === 'keepAliveFailed')
        ? ' did not answer its keep alive and'
        : ''
      const end = own.find(
        ({ what, order }) => (what === 'reconnected' || what === 'gaveUp') && order > fact.order,
      )
      const tries = own.filter(({ what }) => what === 'reconnectFailed').length
      const how =
        end === undefined
          ? 'and is out where the lines end'
          : `until ${at(end)} (${end.what === 'gaveUp' ? 'given up' : lasted((end.atUs ?? 0) - (fact.atUs ?? 0))})`
      return `Controller ${ctrl}${alive} was lost at ${at(fact)} ${how}, with ${tries} failed attempts to connect.`
    })
}

/** Two target ports whose paths failed in turn. */
function oneAfterTheOther(answered: Answered): string[] {
  const targets = new Map<string, Fact>()
  const fails = all(answered, 'failed').filter(
    ({ cause }) => cause?.cause === null && cause.what === 'ioErrors',
  )
  for (const fact of fails) {
    const target = String(fact.subject.hctl).split(':').slice(1, 3).join(':')
    const hosts = new Set(
      fails
        .filter((one) => String(one.subject.hctl).split(':').slice(1, 3).join(':') === target)
        .map(({ subject }) => String(subject.hctl).split(':')[0]),
    )
    if (hosts.size > 1 && !targets.has(target)) targets.set(target, fact)
  }
  const inquiry = all(answered, 'attention').some(({ detail }) => detail.what === 'inquiry data changed')
  if (targets.size < 2 || !inquiry) return []
  const dark =
    answered.dark.length === 0
      ? ''
      : `; for ${lasted(answered.dark.reduce((sum, { from, to }) => sum + ((to?.atUs ?? from.atUs ?? 0) - (from.atUs ?? 0)), 0))} there was no path at all`
  return [
    `Target ports ${[...targets.keys()].join(' and ')} of the array went away one after the other, each through every adapter, and came back with ` +
      `changed inquiry data${dark}. It looks as when controllers are restarted in turn; no line says why.`,
  ]
}

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']

function dropped(answered: Answered): string[] {
  const lost = all(answered, 'suppressed')
  if (lost.length === 0) return []
  const count = lost.reduce((sum, { detail }) => sum + Number(detail.count), 0)
  const back = answered.unusable.flatMap(({ path, spans }) =>
    spans.flatMap(({ by }) => (by === null ? [] : [{ path, by }])),
  )
  const [first] = back
  const n = Number(first?.by.detail.n ?? 0)
  return [
    `The logs say themselves that ${count} lines were dropped (${[...new Set(lost.map(({ detail }) => String(detail.by)))].join(', ')}): counts are at least.` +
      (first === undefined
        ? ''
        : ` By ${at(first.by)} all ${NUMBERS[n] ?? String(n)} paths were active again, as multipathd counts; when ${list(back.map(({ path }) => shortName(path)))} came back no line tells.`),
  ]
}
