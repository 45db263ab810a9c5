// The book of a LUN's ghosts: opened and ended by events, durable on the ledger and in the LUN's own storage before
// anything is let through because of them.
import type { NewId } from '../../adapters/ports.ts'
import { messageOf, PathledgerError } from '../../errors.ts'
import type { GhostProof, GhostReason } from '../../machines/lun/events.ts'
import type { IoOp } from '../../machines/words.ts'
import type { LunGhost, LunStore } from '../../store/lun/types.ts'
import type { LedgerGhost } from '../../store/state/open-ghosts.ts'
import { guarded, usOfMs, type Core } from '../core/core.ts'
import { Gate, waitForAll } from '../ledger/gate.ts'
import { attachName, isKernelDevice, type Attach } from './attach.ts'
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
  readonly attach: Attach
  readonly op: IoOp
  readonly offset: number
  readonly length: number
  readonly reason: GhostReason
  readonly bio: number | null
  /** The kernel has given the attempt back already. */
  readonly returned: boolean
  /** The engine whose attempt it was is dead. Default false. */
  readonly orphan?: boolean
}

/** After how long a record that did not take the end of ghosts is asked again. */
const END_AGAIN_US = 500_000
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
  #stopped = false

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
      attach: facts.attach,
      path: facts.attach.path,
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
      orphan: facts.orphan ?? false,
    }
    this.index.add(ghost)
    // All that one failing path leaves in this turn goes into one event and one commit.
    if (this.#opening.length === 0) queueMicrotask(() => guarded(this.#core, () => this.#recordOpened()))
    this.#opening.push(ghost)
    return ghost
  }

  /** The kernel still has I/O of a dead engine on this device: a ghost of the whole LUN, which time does not release. */
  holdWhole(attach: Attach, length: number): void {
    // An attach to what is no device of the kernel's goes by the name of its path.
    const isOf = (left: Attach) =>
      left.device === attach.device || (!isKernelDevice(left) && left.path === attach.path)
    const there = this.index
      .all()
      .filter(({ orphan, ending, attach: left }) => orphan && ending === null && isOf(left))
    for (const ghost of there) ghost.returnedUs = null
    if (there.length === 0) this.openWhole(attach, length, false)
  }

  /** An engine died with this attach: nothing says what was in flight, so everything may have been. */
  openWhole(attach: Attach, length: number, returned: boolean): Ghost {
    return this.open({
      ...{ attach, op: 'write', offset: 0, length, reason: 'unclean', bio: null },
      ...{ returned, orphan: true },
    })
  }

  /** What the ledger alone knows to be open: it is kept in the LUN's storage too, for the others to see. */
  takeUp(ghosts: readonly LedgerGhost[]): void {
    const nowUs = this.#core.clock.monoUs()
    const taken = ghosts.map((ghost): Ghost => {
      const returnedUs = isKernelDevice(ghost.attach) ? null : nowUs
      const gate = new Gate()
      const state = { openedUs: nowUs, returnedUs, gate, ending: null, foreign: false, orphan: true }
      return { ...ghost, path: ghost.attach.path, bio: null, ...state }
    })
    for (const ghost of taken) this.index.add(ghost)
    for (let at = 0; at < taken.length; at += BATCH_MAX) {
      const batch = taken.slice(at, at + BATCH_MAX)
      const stored = this.#inStorage(() => this.#storage?.openGhosts(batch.map((one) => this.#stored(one))))
      stored.wait((error) => {
        for (const { gate } of batch) gate.open(error)
      })
    }
    this.#armRelease()
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

  /** Says on the ledger what became of ghosts that it alone knows of; resolves when that is durable. */
  async supersede(ids: readonly string[], detail: string): Promise<void> {
    for (let at = 0; at < ids.length; at += BATCH_MAX) {
      const portion = { ids: ids.slice(at, at + BATCH_MAX), detail }
      await this.#core.recorder.durable(this.#stream.record('lun.ghostsSuperseded', portion).recorded)
    }
  }

  /** Resolves when it is known whether every ghost of an attach is durable: with the error that kept one from it. */
  durable(attach: string): Promise<PathledgerError | null> {
    const gates = this.index.ofAttach(attach).map(({ gate }) => gate)
    return new Promise((resolve) => waitForAll(gates, resolve))
  }

  /** What is held is to ask again. */
  askAgain(): void {
    this.#onEnded()
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
    this.#stopped = true
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
          this.#settleEnd(ghosts, recorded)
        }),
    )
  }

  /**
   * They hold writes until both records have their end; one that does not take it is asked again. The ledger comes first:
   * of what it knows to be open, the storage must not say that nobody need wait.
   */
  #settleEnd(ghosts: readonly Ghost[], recorded: Recorded): void {
    const ids = ghosts.map(({ id }) => id)
    const settled = (error: PathledgerError | null) =>
      guarded(this.#core, () => this.#ended(ghosts, recorded, error))
    this.#core.recorder.whenDurable(recorded, (error) => {
      if (error !== null) settled(error)
      else this.#inStorage(() => this.#storage?.endGhosts(ids, this.#identity.id)).wait(settled)
    })
  }

  #ended(ghosts: readonly Ghost[], recorded: Recorded, error: PathledgerError | null): void {
    const { clock, broken, log } = this.#core
    if (error === null) {
      for (const ghost of ghosts) this.index.delete(ghost)
      return this.#onEnded()
    }
    if (broken !== null || this.#stopped) return
    log.warn({ error }, 'the end of ghosts is not durable: they are kept')
    clock.setTimer(clock.monoUs() + END_AGAIN_US, () => this.#settleEnd(ghosts, recorded))
  }

  #recordOpened(): void {
    const opened = this.#opening
    this.#opening = []
    const groups = new Map<string, Ghost[]>()
    for (const ghost of opened) {
      const key = `${ghost.attach.id} ${ghost.reason}`
      groups.set(key, [...(groups.get(key) ?? []), ghost])
    }
    for (const group of groups.values()) {
      for (let at = 0; at < group.length; at += BATCH_MAX) this.#recordGroup(group.slice(at, at + BATCH_MAX))
    }
    this.#armRelease()
  }

  #recordGroup(group: readonly Ghost[]): void {
    const [{ attach: name, reason }] = group as readonly [Ghost]
    const { path, incarnation, ...attach } = name
    const ghosts = group.map(({ id, op, offset, length }) => ({ id, op, offset, length }))
    const { recorded } = this.#stream.record('lun.ghostsOpened', {
      ...{ path, incarnation, reason, ghosts, attach },
    })
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
    const both = new Gate()
    this.#core.recorder.whenDurable(recorded, (error) => onLedger.open(error))
    waitForAll([onLedger, this.#inStorage(store)], (error) => guarded(this.#core, () => both.open(error)))
    return both
  }

  #inStorage(store: () => Promise<void> | undefined): Gate {
    const gate = new Gate()
    const stored = store()
    if (stored === undefined) gate.open(null)
    else
      stored.then(
        () => gate.open(null),
        (error: unknown) => gate.open(storageFailed(error)),
      )
    return gate
  }

  #stored(ghost: Ghost): LunGhost {
    const { id, attach, op, offset, length, reason } = ghost
    const { path, incarnation, bootId } = attach
    const openedAtUs = this.#core.clock.wallUs()
    const of = { ...attachName(attach), engine: this.#identity.id, path, incarnation, bootId }
    return { id, ...of, op, offset, length, reason, openedAtUs }
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
