// The book of a LUN's ghosts: opened and ended by events, durable on the ledger and in the LUN's own storage before
// anything is let through because of them.
import type { NewId } from '../../adapters/ports.ts'
import { messageOf, PathledgerError } from '../../errors.ts'
import type { GhostProof, GhostReason } from '../../machines/lun/events.ts'
import type { IoOp } from '../../machines/words.ts'
import type { LunGhost, LunStore } from '../../store/lun/types.ts'
import { guarded, usOfMs, type Core } from '../core/core.ts'
import { Gate, waitForAll } from '../ledger/gate.ts'
import { GhostIndex, type Ghost } from './ghosts.ts'
import type { Origin, Recorded } from '../ledger/recorder.ts'
import type { Stream } from '../ledger/stream.ts'

/** Who this engine is to the other engines of a LUN. */
export interface EngineIdentity {
  readonly id: string
  /** The same in every run: what reservations are kept for. */
  readonly initiator: string
  readonly bootId: string
  readonly newId: NewId
}

/** What becomes a ghost. */
export interface GhostFacts {
  readonly path: string
  readonly incarnation: number
  readonly op: IoOp
  readonly offset: number
  readonly length: number
  readonly reason: GhostReason
  readonly bio: number | null
  /** The kernel has given the attempt back already. */
  readonly returned: boolean
}

/** Ghosts in one event, at the most. */
const BATCH_MAX = 1000

export class GhostBook {
  readonly index = new GhostIndex()
  readonly #core: Core
  readonly #stream: Stream
  #storage: LunStore | null = null
  readonly #identity: EngineIdentity
  /** Called when ghosts have ended: held bios may go on. */
  readonly #onEnded: () => void
  #opening: Ghost[] = []
  #releaseTimer: { cancel(): void } | null = null

  constructor(core: Core, parts: { stream: Stream; identity: EngineIdentity; onEnded: () => void }) {
    this.#core = core
    this.#stream = parts.stream
    this.#identity = parts.identity
    this.#onEnded = parts.onEnded
  }

  /** From now on ghosts are kept in the LUN's storage too. */
  keepIn(storage: LunStore): void {
    this.#storage = storage
  }

  /** Opens a ghost. It holds newer writes at once; its gate opens when it is durable. */
  open(facts: GhostFacts): Ghost {
    const nowUs = this.#core.clock.monoUs()
    const ghost: Ghost = {
      id: this.#identity.newId(),
      path: facts.path,
      incarnation: facts.incarnation,
      op: facts.op,
      offset: facts.offset,
      length: facts.length,
      reason: facts.reason,
      bio: facts.bio,
      openedUs: nowUs,
      returnedUs: facts.returned ? nowUs : null,
      gate: new Gate(),
      ending: null,
      foreign: false,
    }
    this.index.add(ghost)
    // All that one failing path leaves in this turn goes into one event and one commit.
    if (this.#opening.length === 0) queueMicrotask(() => guarded(this.#core, () => this.#recordOpened()))
    this.#opening.push(ghost)
    return ghost
  }

  /** The kernel still has I/O of a dead engine on this path: a ghost of the whole LUN, which time does not release. */
  holdWhole({ path, incarnation, length }: { path: string; incarnation: number; length: number }): void {
    const there = this.index
      .all()
      .filter(
        (ghost) =>
          ghost.path === path && ghost.reason === 'unclean' && !ghost.foreign && ghost.ending === null,
      )
    for (const ghost of there) ghost.returnedUs = null
    if (there.length > 0) return
    const facts = { path, incarnation, op: 'write', offset: 0, length, reason: 'unclean', bio: null } as const
    this.open({ ...facts, returned: false })
  }

  /** The kernel gave a ghost's attempt back with an error that proves nothing: from now on time may release it. */
  returned(ghost: Ghost): void {
    ghost.returnedUs ??= this.#core.clock.monoUs()
    this.#armRelease()
  }

  /** Ends ghosts by proof. They hold writes until that is durable. */
  end(ghosts: readonly Ghost[], proof: GhostProof, detail: string | null, origin: Origin = {}): void {
    const ending = ghosts.filter((ghost) => ghost.ending === null && this.index.get(ghost.id) === ghost)
    for (const ghost of ending) ghost.ending = proof
    for (let at = 0; at < ending.length; at += BATCH_MAX) {
      this.#endBatch(ending.slice(at, at + BATCH_MAX), proof, detail, origin)
    }
  }

  /** Says on the ledger what became of ghosts that it alone knows of. */
  supersede(ids: readonly string[], detail: string): void {
    for (let at = 0; at < ids.length; at += BATCH_MAX) {
      this.#stream.record('lun.ghostsSuperseded', { ids: ids.slice(at, at + BATCH_MAX), detail })
    }
  }

  /** The ghosts of one life of a path. */
  ofPath(path: string, incarnation: number): Ghost[] {
    return this.index.all().filter((ghost) => ghost.path === path && ghost.incarnation === incarnation)
  }

  /** Resolves when every ghost of a path's life is durable. */
  durable(path: string, incarnation: number): Promise<void> {
    const gates = this.ofPath(path, incarnation).map(({ gate }) => gate)
    return new Promise((resolve) => waitForAll(gates, () => resolve()))
  }

  /** Takes over ghosts that others left or hold: durable already. */
  adopt(ghosts: readonly Ghost[]): void {
    for (const ghost of ghosts) {
      if (this.index.get(ghost.id) !== null) continue
      ghost.gate.open(null)
      this.index.add(ghost)
    }
    this.#armRelease()
  }

  /** Forgets ghosts that others have ended: it is on their ledger and in the LUN's storage. */
  drop(over: (ghost: Ghost) => boolean): void {
    const gone = this.index.all().filter(over)
    for (const ghost of gone) this.index.delete(ghost)
    if (gone.length > 0) this.#onEnded()
  }

  stop(): void {
    this.#releaseTimer?.cancel()
    this.#releaseTimer = null
  }

  #endBatch(ghosts: readonly Ghost[], proof: GhostProof, detail: string | null, origin: Origin): void {
    const ids = ghosts.map(({ id }) => id)
    waitForAll(
      ghosts.map(({ gate }) => gate),
      () =>
        guarded(this.#core, () => {
          const { recorded } = this.#stream.record('lun.ghostsEnded', { ids, proof, detail }, origin)
          const gate = this.#durably(recorded, () => this.#storage?.endGhosts(ids))
          gate.wait(() => {
            for (const ghost of ghosts) this.index.delete(ghost)
            this.#onEnded()
          })
        }),
    )
  }

  #recordOpened(): void {
    const opened = this.#opening
    this.#opening = []
    const groups = new Map<string, Ghost[]>()
    for (const ghost of opened) {
      const key = `${ghost.path} ${ghost.incarnation} ${ghost.reason}`
      groups.set(key, [...(groups.get(key) ?? []), ghost])
    }
    for (const group of groups.values()) {
      for (let at = 0; at < group.length; at += BATCH_MAX) this.#recordGroup(group.slice(at, at + BATCH_MAX))
    }
    this.#armRelease()
  }

  #recordGroup(group: readonly Ghost[]): void {
    const [{ path, incarnation, reason }] = group as readonly [Ghost]
    const ghosts = group.map(({ id, op, offset, length }) => ({ id, op, offset, length }))
    const { recorded } = this.#stream.record('lun.ghostsOpened', { path, incarnation, reason, ghosts })
    const gate = this.#durably(recorded, () =>
      this.#storage?.openGhosts(group.map((ghost) => this.#stored(ghost))),
    )
    gate.wait((error) => {
      for (const ghost of group) ghost.gate.open(error)
    })
  }

  /** Both records: the ledger says what happened, the LUN's storage lets its other engines know. */
  #durably(recorded: Recorded, store: () => Promise<void> | undefined): Gate {
    const onLedger = new Gate()
    const inStorage = new Gate()
    const both = new Gate()
    this.#core.recorder.whenDurable(recorded, (error) => onLedger.open(error))
    const stored = store()
    if (stored === undefined) inStorage.open(null)
    else
      stored.then(
        () => inStorage.open(null),
        (error: unknown) => inStorage.open(storageFailed(error)),
      )
    waitForAll([onLedger, inStorage], (error) => guarded(this.#core, () => both.open(error)))
    return both
  }

  #stored(ghost: Ghost): LunGhost {
    const { id, path, incarnation, op, offset, length, reason } = ghost
    const { id: engine, bootId } = this.#identity
    return {
      id,
      engine,
      path,
      incarnation,
      op,
      offset,
      length,
      reason,
      openedAtUs: this.#core.clock.wallUs(),
      bootId,
    }
  }

  /** Last resort: time, which is not proof, and never for an attempt that the kernel still has. */
  #armRelease(): void {
    const quiesceUs = usOfMs(this.#core.settings.ghostQuiesceMs)
    if (quiesceUs === 0 || this.#releaseTimer !== null) return
    const dues = this.index
      .all()
      .flatMap(({ returnedUs, ending }) =>
        returnedUs === null || ending !== null ? [] : [returnedUs + quiesceUs],
      )
    if (dues.length === 0) return
    const { clock } = this.#core
    this.#releaseTimer = clock.setTimer(
      dues.reduce((one, other) => Math.min(one, other)),
      () => {
        this.#releaseTimer = null
        guarded(this.#core, () => {
          const nowUs = clock.monoUs()
          const due = this.index
            .all()
            .filter(({ returnedUs }) => returnedUs !== null && returnedUs + quiesceUs <= nowUs)
          this.end(due, 'time', `${this.#core.settings.ghostQuiesceMs} ms passed; that is not proof`)
          this.#armRelease()
        })
      },
    )
  }
}

function storageFailed(cause: unknown): PathledgerError {
  if (cause instanceof PathledgerError) return cause
  return new PathledgerError('LUN_STORAGE', {
    message: "The LUN's own storage does not take a ghost.",
    why: messageOf(cause),
    todo: 'Look at the disk that holds it; the I/O may have been done.',
    errno: 'EIO',
    outcome: 'unknown',
    cause,
  })
}
