// What the control socket can ask of a running engine. Each verb is one call of the public API, with the peer as the actor.
import type { ErrorCode } from '../../errors/codes.ts'
import type { ControlRequest, PathVerb } from '../../adapters/control/frames.ts'
import type { ControlHandler } from '../../adapters/control/server.ts'
import type { Adapter } from '../api/adapter.ts'
import type { Head } from '../api/head.ts'
import type { GhostInfo } from '../api/ghost-info.ts'
import type { MemoryUse } from '../api/memory-use.ts'
import type { SysfsView } from './sysfs/view.ts'
import type { Path } from '../api/path.ts'
import type { OperatorWord } from '../core/spoken.ts'
import { askReservations, reservationReport } from './reservation-report.ts'
import { checkWord } from '../core/spoken.ts'

/** What of an engine the socket reaches: its public API. */
export interface Controlled {
  readonly heads: readonly Head[]
  readonly adapters: readonly Adapter[]
  readonly ghosts: readonly GhostInfo[]
  readonly memory: MemoryUse
  readonly broken: { readonly code: ErrorCode } | null
  readonly sysfs: SysfsView
  head(wwidOrName: string): Head
  path(nameOrHctl: string): Path
  adapter(host: string): Adapter
  releaseGhosts(word: {
    readonly reason: string
    readonly ids?: readonly string[]
    readonly actor?: string
  }): number
}

/** The handler of an engine's control socket. */
export function controlHandler(mp: Controlled): ControlHandler {
  return (request, actor) => {
    const reason = 'reason' in request ? request.reason : undefined
    const word = reason === undefined ? { actor } : { actor, reason }
    if ('path' in request) {
      const path = mp.path(request.path)
      PATH_STEPS[request.verb](path, word)
      return { ...showPath(path), ...countdowns(mp) }
    }
    if ('attribute' in request) return sysfsAnswer(mp, request, word)
    if ('key' in request) {
      const asked = askReservations(mp.head(request.head), request, word)
      return asked.then((report) => ({ ...report, ...countdowns(mp) }))
    }
    return wholeAnswer(mp, request, word)
  }
}

type WholeRequest = Exclude<ControlRequest, { path: string } | { attribute: string } | { key: string }>

function wholeAnswer(mp: Controlled, request: WholeRequest, word: OperatorWord & { actor: string }): unknown {
  switch (request.verb) {
    case 'show':
      return {
        heads: mp.heads.map(showHead),
        adapters: mp.adapters.map(showAdapter),
        ghosts: mp.ghosts.length,
        memory: mp.memory,
        broken: mp.broken?.code ?? null,
      }
    case 'countersSet': {
      const target = countedBy(mp, request.of)
      const { counters } = request
      if (counters === undefined) target.resetCounters(word)
      else target.setCounters(counters, word)
      return { of: request.of, counters: target.counters, ...countdowns(mp) }
    }
    case 'sysfs':
      return mp.sysfs.tree()
    case 'drain':
      return { ...mp.head(request.head).drain(word), ...countdowns(mp) }
    case 'reservation':
      return { ...reservationReport(mp.head(request.head)), ...countdowns(mp) }
    case 'ghosts':
      return { ghosts: mp.ghosts, ...countdowns(mp) }
    case 'ghostsRelease': {
      const { ids } = request
      const released = mp.releaseGhosts({
        actor: word.actor,
        reason: request.reason,
        ...(ids === undefined ? {} : { ids }),
      })
      return { released, ...countdowns(mp) }
    }
  }
}

/** Where `noPathRetry` counts: with every answer, for whoever pulls a path or drains a head should see it. */
function countdowns(mp: Controlled): { readonly countdowns: readonly object[] } {
  const counting = mp.heads.flatMap(({ name, wwid, countdown }) =>
    countdown === null ? [] : [{ head: name, wwid, ...countdown }],
  )
  return { countdowns: counting }
}

type AttributeRequest = Extract<ControlRequest, { attribute: string }>

function sysfsAnswer({ sysfs }: Controlled, request: AttributeRequest, word: OperatorWord): object {
  const { attribute } = request
  if (request.verb === 'sysfsGet') return { attribute, content: sysfs.get(attribute) }
  return { attribute, bytes: sysfs.set(attribute, request.value, word) }
}

const PATH_STEPS: Readonly<Record<PathVerb, (path: Path, word: OperatorWord) => void>> = {
  pathFail: (path, word) => path.fail(word),
  pathReinstate: (path, word) => path.reinstate(word),
  pathPrefer: (path, word) => path.prefer(word),
  pathBlock: (path, word) => path.block(word),
  pathUnblock: (path, word) => path.unblock(word),
  pathQuiesce: (path, word) => path.quiesce(word),
  pathResume: (path, word) => path.resume(word),
  pathOffline: (path, word) => path.setOffline(word),
  pathTransportOffline: (path, word) => path.setTransportOffline(word),
  pathOnline: (path, word) => path.setOnline(word),
  pathRemove: (path, word) => {
    checkWord(word)
    // It has left its head when the answer goes out; who asked does not wait for a device that is slow to be closed.
    path.remove(word).catch(() => undefined)
  },
}

/** 'host8' is an adapter, 'sda:0' and '8:0:0:0' are paths, everything else is a head (a wwid may have colons too). */
function countedBy(mp: Controlled, name: string): Head | Path | Adapter {
  const host = /^host(\d+)$/.exec(name)?.[1]
  if (host !== undefined) return mp.adapter(host)
  return /^(sd[a-z]+:\d+|\d+(:\d+){3})$/.test(name) ? mp.path(name) : mp.head(name)
}

function showAdapter({ host, paths, queueDepth, inFlight, counters }: Adapter): object {
  return { name: `host${host}`, paths, queueDepth, inFlight, counters }
}

function showHead(head: Head): object {
  const { name, wwid, sizeBytes, logicalBlockBytes, state, ioPolicy, noPathRetry, queued, held, countdown } =
    head
  const { failback, preferredPath, loss } = head
  return {
    name,
    wwid,
    sizeBytes,
    logicalBlockBytes,
    state,
    ioPolicy,
    noPathRetry,
    queued,
    held,
    countdown,
    failback,
    preferredPath,
    loss,
    counters: head.counters,
    stat: head.stat,
    lost: head.lost,
    paths: head.paths.map(showPath),
  }
}

function showPath(path: Path): object {
  const { name, hctl, device, state, usable, preferred, failure } = path
  const { inFlight, queueDepth, numaNode, numaNodes, counters, flags, timers } = path
  const load = { inFlight, queueDepth, numaNode, numaNodes, counters, flags, timers }
  return { name, hctl, device, state, usable, preferred, failure, ...load }
}
