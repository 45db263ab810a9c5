// Heads and paths by name. A device becomes a path and finds or makes its head in one critical section: nothing is
// awaited between the look-up and the entry, so two paths added at once share one head (D-6).
import { alignedBytes } from '../../adapters/aligned.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import type { PathledgerError } from '../../errors.ts'
import type { IoPolicy } from '../../machines/words.ts'
import { arrive } from './arrive.ts'
import { probeLength } from '../health/places.ts'
import { pathCounters } from '../accounting/counters.ts'
import { guarded, usOfMs, type Core } from '../core/core.ts'
import { resubmitParked, resubmitStarved, submitBio } from '../io/dispatch.ts'
import { takesFlush } from '../io/flush-way.ts'
import { HeadIo } from '../io/head-io.ts'
import {
  flushLast,
  giveUpAttempts,
  leaveCache,
  letGo,
  letGoOpen,
  noteUncovered,
  quietInTime,
} from './let-go.ts'
import { giveUpLost, recordHead, recordPath } from '../heads/lifecycle.ts'
import { limitsOf, restack } from '../heads/limits.ts'
import { blockOfItsOwn } from '../memory/borrowed.ts'
import type { Attach } from '../lun/attach.ts'
import type { Luns } from '../lun/luns.ts'
import { ALL_WAITS, releaseFreed, releaseHeld } from '../io/waiting.ts'
import { pathGone, headGoneError } from '../heads/gone.ts'
import { HeadRuntime, PathRuntime, type AdapterRuntime } from '../heads/runtime.ts'
import { diskName, freeHeadIndex, lowestFree, pathName, hostOf } from '../core/names.ts'
import { refusalOf } from './qualify.ts'
import { RateLimit } from '../ledger/rate-limit.ts'
import type { Origin, Recorded } from '../ledger/recorder.ts'
import { followHealth, setHeadRules } from '../health/rules.ts'
import { sampleHead, samplePath } from '../heads/samples.ts'
import { WORD_MAX } from '../core/spoken.ts'
import type { Stream } from '../ledger/stream.ts'
import type { Streams } from '../ledger/streams.ts'
import { Timers } from '../ledger/timers.ts'
import { endEpisode } from '../health/verdict.ts'
import type { AddOptions } from './arrive.ts'
import { HeadQueue, headQueue, pathQueue, PathQueue } from '../io/queues.ts'
import type { Actions } from '../heads/runtime.ts'

export interface RegistryParts {
  readonly core: Core
  /** What the machines' effects do. */
  readonly actions: Actions
  readonly engine: Stream
  readonly streams: Streams
  readonly luns: Luns
  readonly ledgerFile: string | null
  readonly distance: ((from: number, to: number) => number) | null
  readonly onIo: () => void
  /** A path has left its head. */
  readonly onRemoved: (path: PathRuntime) => void
}

/** What a head is made with. */
export interface HeadFacts {
  readonly wwid: string
  readonly index: number
  readonly name: string
  readonly iopolicy: IoPolicy
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
}

export interface HeadEntry {
  readonly runtime: HeadRuntime
  readonly io: HeadIo
}

export class Registry {
  readonly #parts: RegistryParts
  readonly #heads = new Map<string, HeadEntry>()
  readonly #adapters = new Map<string, AdapterRuntime>()
  #pumpScheduled = false

  constructor(parts: RegistryParts) {
    this.#parts = parts
    parts.core.pool.onFreed = () => this.#pumpSoon()
  }

  heads(): Iterable<HeadEntry> {
    return this.#heads.values()
  }

  /** In the order in which their first paths came. */
  adapters(): Iterable<AdapterRuntime> {
    return this.#adapters.values()
  }

  runtimes(): HeadRuntime[] {
    return [...this.#heads.values()].map(({ runtime }) => runtime)
  }

  /** By wwid or by name. */
  find(wwidOrName: string): HeadEntry | null {
    const byId = this.#heads.get(wwidOrName)
    if (byId !== undefined) return byId
    return [...this.#heads.values()].find(({ runtime }) => runtime.name === wwidOrName) ?? null
  }

  /** By name ('sda:0') or H:C:I:L. */
  findPath(nameOrHctl: string): PathRuntime | null {
    const matches = ({ name, hctl }: PathRuntime) => name === nameOrHctl || hctl === nameOrHctl
    return this.paths().find(matches) ?? null
  }

  /** Takes a device as a path, or throws why not; that is on the ledger either way. The record may not be durable yet. */
  add(
    device: PathDevice,
    attach: Attach,
    options: AddOptions,
  ): { path: PathRuntime; head: HeadEntry; recorded: Recorded } {
    const { core, ledgerFile } = this.#parts
    const { wwid } = device.lun
    const entry = this.#heads.get(wwid) ?? null
    const { trustIdentity } = options
    const known = { head: entry?.runtime ?? null, paths: this.paths(), ledgerFile, trustIdentity }
    const refusal = refusalOf(device, core.settings.multipath, known)
    if (refusal !== null) throw this.refused(refusedOf(device), refusal)
    const head = entry ?? this.#createHead(device)
    const path = this.#createPath(device, attach, head.runtime)
    const { recorded } = arrive(path, options)
    restack(head.runtime)
    followHealth(path, recorded)
    if (head.runtime.value.life !== 'allocated') return { path, head, recorded }
    const published = recordHead(head.runtime, 'head.published', {}, { cause: recorded })
    return { path, head, recorded: published.recorded }
  }

  /**
   * Takes a path out of its head at once; resolves when its last I/O has ended and its device is closed. With `keepOpen`
   * the device stays its owner's, and nobody waits for the record: it is what could not be made.
   */
  async remove(path: PathRuntime, why: string, origin: Origin = {}, keepOpen = false): Promise<void> {
    if (path.gone) throw pathGone(path)
    samplePath(path)
    const wasWell = takesFlush(path)
    const noted = noteUncovered(path, why)
    const { recorded, refused } = recordPath(path, 'path.removed', { why }, origin)
    if (refused) throw pathGone(path)
    endEpisode(path, recorded)
    this.#parts.onRemoved(path)
    path.timers?.cancelAll()
    if (!(await quietInTime(path))) giveUpAttempts(path, why === 'closed' ? 'closed' : 'removed')
    pathQueue(path).stopTimers()
    if (keepOpen) {
      leaveCache(path, why, noted)
      letGoOpen(path)
      return
    }
    await flushLast(path, wasWell)
    leaveCache(path, why, noted)
    // A device that cannot be closed is the caller's to hear of, after everybody else has heard of the removal.
    const closing = await Promise.allSettled([letGo(path)])
    // What ended after it left the list is in no other sample.
    samplePath(path)
    if (path.head.gone) sampleHead(path.head)
    // The LUN hears that the path is let go of only when its ghosts say what may still land.
    const { ghosts, shared } = path.head.lun
    const notDurable = await ghosts.durable(path.attach.id)
    if (notDurable === null) await shared?.detach(path.attach)
    await path.core.recorder.durable(recorded)
    for (const closed of closing) if (closed.status === 'rejected') throw closed.reason
  }

  /** Forgets a head that its machine has removed. */
  headRemoved(head: HeadRuntime): void {
    const entry = this.#heads.get(head.lun.wwid)
    if (entry?.runtime !== head) return
    sampleHead(head)
    head.retire()
    head.timers?.cancelAll()
    this.#heads.delete(head.lun.wwid)
    head.core.pool.leave(head.memory)
    entry.io.drain(headGoneError(head), ALL_WAITS)
  }

  /** Every path there is. */
  paths(): PathRuntime[] {
    return [...this.#heads.values()].flatMap(({ runtime }) => runtime.paths)
  }

  /** Puts it on the ledger that a device was not taken, and why. */
  refused({ wwid, hctl, device }: Refused, refusal: PathledgerError): PathledgerError {
    const { code, why } = refusal
    const facts = {
      wwid: wwid.slice(0, 512),
      hctl: hctl.slice(0, 64) || '-',
      device: device.slice(0, WORD_MAX) || '-',
      code,
    }
    this.#parts.engine.record('engine.pathRefused', { ...facts, why: why.slice(0, 512) })
    this.#parts.core.log.warn({ ...facts, why }, 'device not taken as a path')
    return refusal
  }

  #createHead(device: PathDevice): HeadEntry {
    const { settings } = this.#parts.core
    const { wwid } = device.lun
    const index = freeHeadIndex(this.runtimes(), settings.firstDiskIndex)
    const name = diskName(settings.firstDiskIndex + index)
    const { sizeBytes, logicalBlockBytes } = device.geometry
    const { iopolicy } = settings
    const entry = this.makeHead({ wwid, index, name, iopolicy, sizeBytes, logicalBlockBytes })
    entry.runtime.lun.stream.record('lun.found', { wwid, sizeBytes, logicalBlockBytes })
    recordHead(entry.runtime, 'head.created', {
      wwid,
      name,
      index,
      iopolicy,
      noPathRetry: settings.noPathRetry,
      checkIntervalUs: usOfMs(settings.noPathCheckMs),
      delayedRemovalUs: usOfMs(settings.delayedRemovalMs),
      sizeBytes,
      logicalBlockBytes,
    })
    setHeadRules(entry.runtime)
    return entry
  }

  /** Puts a head together and lists it; nothing is recorded. */
  makeHead({ wwid, index, name, iopolicy, sizeBytes, logicalBlockBytes }: HeadFacts): HeadEntry {
    const { core, distance, onIo, streams, luns } = this.#parts
    const lun = luns.of(wwid)
    const runtime = new HeadRuntime({
      core,
      lun,
      stream: streams.of(`head/${wwid}`),
      index,
      name,
      policy: iopolicy,
      sizeBytes,
      logicalBlockBytes,
      distance,
      errorRows: new RateLimit(core.clock, core.settings.errorRowsPerMinute),
      queue: new HeadQueue(core, submitBio),
      actions: this.#parts.actions,
    })
    headQueue(runtime).onFreed = (freed) => releaseFreed(runtime, freed)
    runtime.timers = new Timers(core.clock, (timer, dueUs) => {
      guarded(core, () => {
        const { recorded } = recordHead(runtime, 'head.timerFired', { timer, dueUs })
        if (timer === 'reattach') giveUpLost(runtime, NOT_IN_TIME, recorded)
      })
    })
    lun.serve({
      ghostsEnded: () => {
        if (!runtime.gone) releaseHeld(runtime)
      },
      askAgain: () => resubmitParked(runtime),
    })
    const entry = { runtime, io: new HeadIo(runtime, onIo) }
    this.#heads.set(wwid, entry)
    return entry
  }

  #createPath(device: PathDevice, attach: Attach, head: HeadRuntime): PathRuntime {
    const { core, streams } = this.#parts
    const lost = [...head.lost.values()].map(({ context }) => context.index)
    const index =
      head.lost.get(device.hctl)?.context.index ??
      lowestFree([...head.paths.map((path) => path.index), ...lost])
    const path = new PathRuntime({
      core,
      device,
      attach,
      head,
      stream: streams.of(`path/${device.lun.wwid}/${device.hctl}`),
      adapter: this.#adapter(hostOf(device.hctl)),
      index,
      name: pathName(head.name, index),
      errorRows: new RateLimit(core.clock, core.settings.errorRowsPerMinute),
      queue: new PathQueue(),
      limits: limitsOf(device.geometry),
    })
    path.timers = new Timers(core.clock, (timer, dueUs) => {
      guarded(core, () => void recordPath(path, 'path.timerFired', { timer, dueUs }))
    })
    device.useMemory?.(core.pool.memory)
    // A pool full of I/O that waits must not keep a path from ever healing.
    const bytes = probeLength(device.geometry)
    path.health.probeBlock = core.pool.take(bytes, head.memory) ?? blockOfItsOwn(alignedBytes(bytes))
    return path
  }

  #adapter(host: string): AdapterRuntime {
    const known = this.#adapters.get(host)
    if (known !== undefined) return known
    const adapter = { host, active: 0, counters: pathCounters() }
    this.#adapters.set(host, adapter)
    return adapter
  }

  /** Memory came back: everyone who waits may go on, in the order of the heads. */
  #pumpSoon(): void {
    if (this.#pumpScheduled) return
    this.#pumpScheduled = true
    queueMicrotask(() => {
      this.#pumpScheduled = false
      for (const { io, runtime } of this.#heads.values()) {
        guarded(this.#parts.core, () => resubmitStarved(runtime))
        io.pump()
      }
    })
  }
}

/** What was not taken, by the names that its refusal has on the ledger. */
export interface Refused {
  readonly wwid: string
  readonly hctl: string
  readonly device: string
}

/** Those names of a device. */
export function refusedOf({ lun: { wwid }, hctl, device }: PathDevice): Refused {
  return { wwid, hctl, device }
}

/** Why a path of the last run is given up. */
const NOT_IN_TIME = 'it was not attached again in time'
