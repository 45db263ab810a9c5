// What the lines do not tell. Every sentence names a thing that somebody will ask.
import type { Fact } from '../types.ts'
import type { Answered } from './answered.ts'
import { called, printedTime, shortName } from './print.ts'
import { subjectName } from './sentences.ts'

/** What is not known, one sentence each. */
export function notKnown(answered: Answered): string[] {
  return [
    ...undated(answered),
    ...unknownEnds(answered),
    ...beforeTheLog(answered),
    ...darkMaps(answered),
    ...names(answered),
    ...ports(answered),
    ...droppedLines(answered),
    ...silentStates(answered),
    ...hungPaths(answered),
    ...causes(answered),
    ...unreadLines(answered),
  ]
}

function undated({ wall }: Answered): string[] {
  return wall ? [] : ['when any of this was: there is no date in the sources, only uptimes']
}

function unknownEnds({ unusable, severalHosts, host }: Answered): string[] {
  const where = severalHosts ? `${host}: ` : ''
  return unusable.flatMap(({ path, spans }) =>
    spans.flatMap(({ from, to, by, endedByBoot }) => {
      if (to !== null) return []
      if (by !== null)
        return [
          `${where}when ${shortName(path)} came back: between ${String(printedTime(from))} and ${String(printedTime(by))}`,
        ]
      if (endedByBoot)
        return [`${where}when ${shortName(path)} could be used again: the host was started meanwhile`]
      return [`${where}whether ${shortName(path)} came back after the end of what was read`]
    }),
  )
}

function beforeTheLog({ unusable }: Answered): string[] {
  return unusable.flatMap(({ path, before }) =>
    before === null
      ? []
      : [`since when ${shortName(path)} had been failed before ${String(printedTime(before))}`],
  )
}

function darkMaps({ dark }: Answered): string[] {
  return dark.flatMap(({ map, from, to }) => [
    ...(from.detail.io === 'unknown'
      ? [`what became of the I/O of ${called(map)} while it had no path: no line says whether it was queued`]
      : []),
    ...(to === null ? [`how it ended for ${called(map)}: the sources end while it has no path`] : []),
  ])
}

function names({ facts }: Answered): string[] {
  const maps = new Map<string, Fact>()
  for (const fact of facts) {
    if (fact.subject.kind === 'map' && fact.subject.map !== null && fact.subject.wwid === null)
      maps.set(String(fact.subject.map), fact)
  }
  const devices = new Set(
    facts
      .filter(({ subject }) => subject.kind === 'map' && subject.map === null)
      .map(({ subject }) => String(subject.dm)),
  )
  const numbers = new Set(
    facts.flatMap(({ subject }) =>
      subject.kind === 'path' && subject.dmDevt !== undefined && subject.map === null
        ? [String(subject.dmDevt)]
        : [],
    ),
  )
  return [
    ...[...maps.keys()].slice(0, 5).map((map) => `the wwid of the map ${map}`),
    ...[...devices].slice(0, 5).map((dm) => `which map ${dm} is, or lies on: no line says so`),
    ...[...numbers]
      .slice(0, 5)
      .map(
        (dm) =>
          `the name and the wwid of the map ${dm}, its other paths, and how many were usable at any time`,
      ),
  ]
}

/** Links that only times make. */
function ports({ facts }: Answered): string[] {
  const found: string[] = []
  const used = new Set(facts.flatMap(({ cause }) => (cause === null ? [] : [cause])))
  for (const fact of facts) {
    if (fact.what === 'linkDown' && fact.subject.nic !== undefined)
      found.push(
        `what goes through ${String(fact.subject.nic)}: no line ties a session or a path to it, only the times do`,
      )
    if (fact.what === 'sessionTimedOut' && !used.has(fact))
      found.push(`which paths are of session ${String(fact.subject.sid)}: only the times say so`)
    if (fact.what === 'linkDown' && fact.subject.nic === undefined && !used.has(fact))
      found.push(`which paths go through ${String(fact.subject.pci)}`)
  }
  return [...new Set(found)].slice(0, 10)
}

function droppedLines({ facts, gaps }: Answered): string[] {
  const lost = facts.filter(({ what }) => what === 'suppressed')
  return [
    ...lost
      .slice(0, 10)
      .map(({ detail }) => `what ${String(detail.count)} dropped lines of ${String(detail.of)} said`),
    ...gaps.slice(0, 10).map(({ name, why, line }) => `what stood in ${name} after line ${line}: ${why}`),
  ]
}

/** ANA states are printed by no kernel. */
function silentStates({ facts }: Answered): string[] {
  const states = new Map<string, Set<string>>()
  for (const { what, subject, detail } of facts) {
    if (what === 'accessStated')
      states.set(
        String(subject.ctrl),
        (states.get(String(subject.ctrl)) ?? new Set()).add(String(detail.access)),
      )
  }
  const nvme = facts.some(({ subject }) => subject.ctrl !== undefined)
  if (!nvme) return []
  const changed = [...states].filter(([, words]) => words.size > 1).map(([ctrl]) => ctrl)
  if (changed.length === 0) return ['the ANA states in between: the kernel does not log them']
  return [
    `when the ANA states of ${changed.join(', ')} changed: the snapshots differ, and the kernel does not log it`,
  ]
}

/** A path that hangs writes nothing while it does: its first line is the end of the trouble, not its begin. */
function hungPaths({ facts }: Answered): string[] {
  const hung = facts.filter(
    ({ what, detail, cause }) =>
      (what === 'checkerDown' && detail.why === 'timed out') ||
      (what === 'failed' && cause === null && detail.by === 'kernel'),
  )
  const names = [...new Set(hung.map(({ subject }) => shortName(subject)))]
  return names
    .slice(0, 10)
    .map(
      (name) =>
        `since when ${name} had not answered: a path that hangs writes no line before it is failed, so the trouble may have begun long before`,
    )
}

function causes({ first, facts, lying }: Answered): string[] {
  if (first === null || lying.length > 0) return []
  let root = first
  while (root.cause !== null) root = root.cause
  if (!['ioErrors', 'failed', 'checkerDown', 'ioRejected', 'connError', 'timeout'].includes(root.what))
    return []
  return [
    `why ${whose(root)} ${root.what === 'connError' ? 'lost its connection' : 'could not be used'}: no line tells what came before ${String(printedTime(root))}`,
    ...(facts.length === 0 ? [''] : []),
  ].filter((sentence) => sentence !== '')
}

/** By the names that people use: a session and an adapter have no device's. */
function whose(fact: Fact): string {
  return fact.subject.kind === 'path' ? called(fact.subject) : subjectName(fact)
}

function unreadLines({ unread }: Answered): string[] {
  return unread
    .slice(0, 5)
    .map(
      ({ name, line }) =>
        `what line ${line} of ${name} says: no template fits it, and it is kept as it stands`,
    )
}
