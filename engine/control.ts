// What the control socket can ask of a running engine. Each verb is one call of the public API, with the peer as the actor.
import type { ControlHandler } from '../adapters/control/server.ts'
import type { Head } from './head.ts'
import type { Multipath } from './multipath.ts'
import type { Path } from './path.ts'

/** The handler of an engine's control socket. */
export function controlHandler(mp: Multipath): ControlHandler {
  return (request, actor) => {
    const reason = 'reason' in request ? request.reason : undefined
    const word = reason === undefined ? { actor } : { actor, reason }
    switch (request.verb) {
      case 'show':
        return { heads: mp.heads.map(showHead), ghosts: mp.ghosts.length, broken: mp.broken?.code ?? null }
      case 'pathFail':
        mp.path(request.path).fail(word)
        return showPath(mp.path(request.path))
      case 'pathReinstate':
        mp.path(request.path).reinstate(word)
        return showPath(mp.path(request.path))
      case 'drain':
        return mp.head(request.head).drain(word)
      case 'ghosts':
        return { ghosts: mp.ghosts }
      case 'ghostsRelease': {
        const { ids } = request
        const released = mp.releaseGhosts({
          actor,
          reason: request.reason,
          ...(ids === undefined ? {} : { ids }),
        })
        return { released }
      }
    }
  }
}

function showHead(head: Head): object {
  const { name, wwid, sizeBytes, logicalBlockBytes, state, ioPolicy, noPathRetry, queued, held, countdown } =
    head
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
    counters: head.counters,
    paths: head.paths.map(showPath),
  }
}

function showPath(path: Path): object {
  const { name, hctl, device, state, usable, preferred, failure, inFlight, counters } = path
  return { name, hctl, device, state, usable, preferred, failure, inFlight, counters }
}
