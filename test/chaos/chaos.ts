// Chaos: paths that fail in every way that a loop device over nbdfuse over nbdkit can, an engine that is killed, a load that
// knows what must be there. Ends with everything healed and looked at.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { seededRandom } from '../../index.ts'
import { foldAll, redecide } from '../../store/state/fold.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { attachedUnder, requireTools, until } from '../system/hang/servers.ts'
import { NotDone, PERFORM } from './faults.ts'
import type { FaultParts } from './faults.ts'
import type { EngineState } from './orders.ts'
import { ChaosPath } from './path.ts'
import { plan } from './plan.ts'
import type { Step } from './plan.ts'
import { emptyReport } from './report.ts'
import type { ChaosReport, Fault } from './report.ts'
import { blocksOf, Shadow } from './shadow.ts'
import { Slot } from './slot.ts'

export interface ChaosSettings {
  readonly minutes: number
  readonly seed: string
  /** For tests alone: without them it must come to violations. */
  readonly guardsOff: boolean
  /** Aborted: ends at once, in order. */
  readonly signal: AbortSignal
  /** What is being done, for whoever watches. */
  readonly tell: (line: string) => void
}

const WWID = 'naa.600140500000c4a0'
const OTHER_WWID = 'naa.600140500000c4a1'
const OTHER_BLOCKS = 256
const START_BYTES = 8 * 1024 * 1024
const IMAGE_BYTES = 16 * 1024 * 1024
const PATHS = ['A', 'B', 'C', 'D']
const POLICIES = ['numa', 'round-robin', 'queue-depth', 'service-time']
const HEALED_MS = 60_000
const SETTLED_MS = 60_000

/** Times of the engine: short, and nothing is released by time alone. */
const OPTIONS = {
  multipath: 'always',
  noPathRetry: 'queue',
  attemptTimeoutMs: 500,
  probeTimeoutMs: 500,
  checker: { minMs: 50, maxMs: 200 },
  ghostHoldMaxMs: 20_000,
  ghostQuiesceMs: 0,
  closeGraceMs: 300,
  delayedRemovalMs: 5_000,
  fenceTimeoutMs: 5_000,
}

/** Runs chaos for so many minutes. Leaves nothing behind, however it ends. Needs root and the tools of the system tests. */
export async function chaos(settings: ChaosSettings): Promise<ChaosReport> {
  requireTools()
  const run = new Chaos(settings)
  try {
    await run.start()
    await run.rage()
    if (!settings.signal.aborted) await run.finish()
    return run.report
  } finally {
    await run.cleanUp()
  }
}

class Chaos {
  readonly report: ChaosReport
  readonly #settings: ChaosSettings
  readonly #folder = mkdtempSync(join(tmpdir(), 'pathledger-chaos-'))
  readonly #shadow = new Shadow()
  readonly #size = { bytes: START_BYTES, imageBytes: IMAGE_BYTES }
  readonly #paths: readonly ChaosPath[]
  readonly #slot: Slot
  readonly #parts: FaultParts
  readonly #working = new Set<Promise<void>>()

  constructor(settings: ChaosSettings) {
    this.#settings = settings
    this.report = emptyReport(settings.seed)
    this.#paths = PATHS.map((name, at) => {
      return new ChaosPath({
        folder: this.#folder,
        name,
        hctl: `${8 + at}:0:0:0`,
        wwid: WWID,
        image: this.#image,
      })
    })
    this.#slot = new Slot({
      folder: this.#folder,
      ledger: this.#ledger,
      wwid: WWID,
      paths: this.#paths,
      shadow: this.#shadow,
      report: this.report,
      guardsOff: settings.guardsOff,
      sizeBytes: () => this.#size.bytes,
      options: (start) => ({ ...OPTIONS, iopolicy: POLICIES[start % POLICIES.length] }),
    })
    const other = { image: join(this.#folder, 'other.img'), wwid: OTHER_WWID }
    this.#parts = {
      slot: this.#slot,
      report: this.report,
      size: this.#size,
      paths: this.#paths,
      other,
    }
  }

  get #image(): string {
    return join(this.#folder, 'lun.img')
  }

  get #ledger(): string {
    return join(this.#folder, 'chaos.ledger')
  }

  async start(): Promise<void> {
    writeFileSync(this.#image, '')
    truncateSync(this.#image, this.#size.imageBytes)
    writeFileSync(this.#parts.other.image, blocksOf(0, OTHER_BLOCKS, 1))
    for (const path of this.#paths) await path.start(this.#size.bytes)
    await this.#slot.start()
    this.#settings.tell(`running, seed ${this.report.seed}, in ${this.#folder}`)
  }

  /** Fault after fault, until the time is over. */
  async rage(): Promise<void> {
    const { minutes, seed, signal } = this.#settings
    const startMs = performance.now()
    const passedMs = () => performance.now() - startMs
    for (const step of plan(seededRandom(`chaos ${seed}`))) {
      await this.#pause(step.afterMs)
      this.#checkEngine()
      if (signal.aborted || passedMs() > minutes * 60_000 || this.report.violations.length > 0) break
      if (step.what === 'KILL') await this.#kill(step)
      else await this.#fault(step.what, step)
    }
    this.report.violations.length = Math.min(this.report.violations.length, VIOLATIONS_MAX)
    Object.assign(this.report, { seconds: Math.round(passedMs() / 1000) })
  }

  /** Heals everything, lets the load come to its end, and looks at all that is left. */
  async finish(): Promise<void> {
    const { report } = this
    this.#settings.tell('healing')
    await Promise.all(this.#working)
    await this.#settle()
    try {
      await this.#within('the last I/Os end', this.#ask('stop'))
      await until('every path is well', () => this.#isWell(), HEALED_MS)
      await this.#within('every block is read', this.#ask('readAll'))
      await this.#within('the engine closes', this.#ask('close'))
      await this.#within('its process ends', this.#slot.end())
    } catch (error) {
      const state = await Promise.race([this.#state(), sleep(1000)])
      report.violations.push(`${String(error)}: ${JSON.stringify(state ?? null)}`)
      await this.#slot.kill()
    }
    this.#checkMedium('in the end')
    this.#checkLedger()
  }

  async cleanUp(): Promise<void> {
    await this.#slot.kill().catch(() => undefined)
    for (const path of this.#paths) await path.cleanUp()
    await Promise.allSettled(this.#working)
    for (const path of this.#paths) await path.cleanUp()
    await until('our loop devices are gone', () => !attachedUnder(this.#folder))
    if (this.report.violations.length === 0) rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Begins a fault on a path that is free, and lets it take its course. */
  async #fault(what: Fault, step: Step): Promise<void> {
    const path = await this.#freePath(step)
    if (path === null) return
    this.#settings.tell(`${what} on ${path.settings.name}, ${step.lastsMs} ms`)
    path.busy = true
    const working = this.#perform(what, path, step)
      .catch((error: unknown) => {
        if (!this.#settings.signal.aborted) this.report.violations.push(`${what}: ${String(error)}`)
      })
      .finally(() => {
        path.busy = false
        this.#working.delete(working)
      })
    this.#working.add(working)
  }

  async #perform(what: Fault, path: ChaosPath, step: Step): Promise<void> {
    try {
      await PERFORM[what](path, step, this.#parts)
      this.report.faults[what] += 1
    } catch (error) {
      if (!(error instanceof NotDone)) throw error
    }
    await this.#slot.ensureAdded(path)
    // No error is proof on such a path, and time releases nothing here: somebody has to say that it is over.
    const seen = `${path.settings.name}'s servers live, and the kernel has their answer`
    await this.#slot.release((ghost) => ghost.path === path.hctl && ghost.returned, seen)
  }

  async #freePath({ pick, takesLast }: Step): Promise<ChaosPath | null> {
    let free: ChaosPath[] = []
    const isFree = () => {
      free = this.#paths.filter(({ busy }) => !busy)
      return free.length > (takesLast ? 0 : 1) || this.#settings.signal.aborted
    }
    await until('a path is free', isFree, SETTLED_MS)
    return this.#settings.signal.aborted ? null : (free[pick % free.length] ?? null)
  }

  /** SIGKILL of the engine, sometimes while a path hangs, sometimes twice. */
  async #kill(step: Step): Promise<void> {
    const { pick, coin, lastsMs } = step
    const { report } = this
    if (coin) {
      await this.#fault('HANG', step)
      await sleep(lastsMs / 4)
    }
    this.#settings.tell('KILL')
    await this.#killNow()
    // Half of the time the next engine starts while what its predecessor sent may still hang.
    if (!coin) await this.#heal()
    const starting = this.#slot.start()
    if (pick % 4 === 0) {
      await sleep(lastsMs / 2)
      report.killsWhileStarting += 1
      await this.#killNow()
      await starting
      await this.#slot.start()
    } else await starting
    if (coin) await sleep(lastsMs / 2)
    await this.#settle()
  }

  async #killNow(): Promise<void> {
    const { report } = this
    report.kills += 1
    if (this.#paths.some(({ hung }) => hung)) report.killsWhileHung += 1
    await this.#slot.kill()
    this.#checkMedium('after a kill')
  }

  /** What was begun on paths comes to its end. */
  async #heal(): Promise<void> {
    await until('no path is at fault', () => this.#working.size === 0, SETTLED_MS)
  }

  /** Nothing of a dead engine can land any more: every path was claimed since, or its servers are dead. */
  async #settle(): Promise<void> {
    await this.#heal()
    for (const path of this.#paths) await this.#slot.ensureAdded(path)
    const seen = 'every path was claimed anew since that engine died, and its servers live'
    await this.#slot.release(({ returned }) => returned, seen)
  }

  /** The whole LUN, read past every path. */
  #checkMedium(when: string): void {
    const image = readFileSync(this.#image)
    const wrong = this.#shadow.wrong(image)
    this.report.violations.push(...wrong.slice(0, VIOLATIONS_MAX).map((what) => `${when}: ${what}`))
    const other = readFileSync(this.#parts.other.image)
    if (!other.equals(blocksOf(0, OTHER_BLOCKS, 1)))
      this.report.violations.push('the other LUN was written to')
  }

  /** Chain, deciding again, and what a start would recover: all of it as it was. */
  #checkLedger(): void {
    const reader = openLedgerReader(this.#ledger)
    try {
      const { events, chain, replay } = verifyLedger(reader)
      const fold = isDeepStrictEqual(foldAll(reader), redecide(reader)) ? 'equal' : 'different'
      this.report.ledger = { events, chain, replay, fold }
      if (chain === 'ok' && replay === 'equal' && fold === 'equal') return
      this.report.violations.push('the ledger does not verify')
    } finally {
      reader.close()
    }
  }

  #checkEngine(): void {
    if (this.#slot.died) this.report.violations.push('the engine ended by itself')
  }

  async #state(): Promise<EngineState | null> {
    const answer = await this.#slot.use((engine) => engine.ask('state'))
    return (answer?.value ?? null) as EngineState | null
  }

  /** Every path serves, nothing waits, nothing is held, nothing is out. */
  async #isWell(): Promise<boolean> {
    const state = await this.#state()
    if (state === null || state.broken !== null) throw new Error('the engine is broken')
    const { paths, held, queued, ghosts, sizeBytes } = state
    return (
      paths.length === PATHS.length &&
      paths.every(({ health, inFlight }) => health === 'online' && inFlight === 0) &&
      held + queued + ghosts.length === 0 &&
      sizeBytes === this.#size.bytes
    )
  }

  async #ask(what: 'stop' | 'readAll' | 'close'): Promise<void> {
    const answer = await this.#slot.use((engine) => engine.ask(what))
    if (answer?.ok !== true) this.report.violations.push(`${what}: ${answer?.error ?? 'the engine is gone'}`)
  }

  async #within(what: string, work: Promise<unknown>): Promise<void> {
    const late = sleep(HEALED_MS, 'late', { ref: false })
    if ((await Promise.race([work, late])) === 'late')
      throw new Error(`waited ${HEALED_MS} ms in vain until ${what}`)
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#settings.signal }).catch(() => undefined)
  }
}

/** One is enough; more are told to show what they have in common. */
const VIOLATIONS_MAX = 20
