// Implicit ALUA of one LUN: its events go to its machine, and what the machine asks for is done here. One report is in
// flight at a time, through any path that lives; it tells of every group, so it serves every path (D-61).
import type { PathDevice } from '../../adapters/ports.ts'
import type { Effect } from '../../machines/effects.ts'
import {
  groupNumberOf,
  groupOf,
  NO_GROUPS,
  TRANSITION_US,
  type GroupState,
  type LunGroups,
} from '../../machines/lun/groups.ts'
import type { AccessState } from '../../machines/words.ts'
import { guarded, usOfMs, type Core } from '../core/core.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { awaitsGroups } from '../heads/group-wait.ts'
import { recountPaths, recordPath } from '../heads/lifecycle.ts'
import type { Origin, Recorded } from '../ledger/recorder.ts'
import type { Stream } from '../ledger/stream.ts'
import { Timers } from '../ledger/timers.ts'
import { readSense } from './command.ts'
import { SENSE_KEYS, type Sense } from '../../adapters/scsi/sense.ts'
import type { Identity } from './identify.ts'
import { askForGroups, type Report, type ReportMemory } from './report.ts'
import type { Turnstile } from './turnstile.ts'

/** How a path begins: the state of its group, or the best that can be said without one. */
export interface Standing {
  readonly access: AccessState
  readonly preferred: boolean
}

/** What a path is told when a report does not have its group: never that it is optimal (D-60). */
const NOT_LISTED: Standing = { access: 'unavailable', preferred: false }
/** Without a report a path may be used, but no path known to be optimal stands back for it (D-59). */
const UNKNOWN: Standing = { access: 'active', preferred: false }

export class LunAlua {
  readonly #core: Core
  readonly #turnstile: Turnstile
  readonly #timers: Timers
  readonly #memory: ReportMemory = { short: false }
  #head: HeadRuntime | null = null
  #stream: Stream | null = null
  #asking: Promise<unknown> | null = null
  #askAgain = false

  constructor(core: Core, turnstile: Turnstile) {
    this.#core = core
    this.#turnstile = turnstile
    this.#timers = new Timers(core.clock, (timer, dueUs) => {
      guarded(core, () => this.#record('lun.timerFired', { timer, dueUs }))
    })
  }

  /** The report for a device that is to become a path; null where it has no ALUA. */
  async reportFor(device: PathDevice, { port }: Identity): Promise<Report | null> {
    if (port === null) return null
    // An answer that is under way through another path serves this one too.
    while (this.#asking !== null) await this.#asking
    const asked = this.#turnstile.pass(() => askForGroups(this.#core, device, this.#memory, () => undefined))
    this.#begin(asked)
    return asked
  }

  /** A path has joined: what is known of its group is on the ledger, and every path of the LUN hears of it. */
  joined(path: PathRuntime, { port, tpgs }: Identity, report: Report | null): void {
    this.#head = path.head
    this.#stream = path.head.lun.stream
    if (port === null || tpgs === null || report === null) return
    const grouped = this.#record('lun.pathGrouped', { path: path.hctl, ...port, tpgs })
    this.#take(report, [path])
    // Only now it is known that there is somebody to ask, should this path be one that is not for use.
    if (grouped !== null) recountPaths(path.head, grouped)
  }

  left(hctl: string): void {
    if (groupNumberOf(this.#groups, hctl) !== null) this.#record('lun.pathUngrouped', { path: hctl })
  }

  /** Sense data came with a command or an I/O on a path. */
  sense(path: PathRuntime, bytes: Uint8Array): void {
    const sense = readSense(bytes)
    if (sense === null || sense.deferred || this.#stream === null || path.gone) return
    const { key, asc, ascq } = sense
    // In a storm the rows are bounded; a report is asked for all the same, once.
    const told = path.errorRows.take()
      ? this.#record('lun.senseReceived', { path: path.hctl, key, asc, ascq }, path)
      : null
    if (mayBeAnother(sense))
      for (const one of [...this.#paths]) if (!one.gone) one.head.actions.prove(one, told)
    if (told === null && groupNumberOf(this.#groups, path.hctl) !== null) this.#ask(path)
  }

  /** Its groups are asked about while nothing else would tell that a path may be used again. */
  awaitGroups(head: HeadRuntime, waits: boolean, cause: Recorded): void {
    const { groupPoll, accessWaitMs } = this.#core.settings
    const { stream } = head.lun
    if (waits === awaitsGroups(head)) return waits ? this.#ask(null) : undefined
    this.#head = head
    this.#stream = stream
    if (!waits)
      return void this.#record('lun.waitEnded', { why: 'it need not be waited for' }, null, { cause })
    const [minUs, maxUs] = [usOfMs(groupPoll.minMs), usOfMs(groupPoll.maxMs)]
    const why = 'no path is usable, and access states alone keep some out'
    this.#record('lun.waitBegan', { why, minUs, maxUs, forUs: usOfMs(accessWaitMs) }, null, { cause })
  }

  stop(): void {
    this.#timers.cancelAll()
  }

  get #paths(): readonly PathRuntime[] {
    return this.#head?.paths ?? []
  }

  get #groups(): LunGroups {
    return (this.#stream?.state.context ?? NO_GROUPS) as unknown as LunGroups
  }

  #record(
    type: string,
    data: Readonly<Record<string, unknown>>,
    via: PathRuntime | null = null,
    origin: Origin = {},
  ): Recorded | null {
    if (this.#stream === null) return null
    const { effects, recorded } = this.#stream.record(type, data, origin)
    // Timers first: what is spread may end a wait, and with it timers of this very step.
    for (const effect of effects.filter(isOfTimer)) this.#perform(effect, via, recorded)
    for (const effect of effects.filter((one) => !isOfTimer(one))) this.#perform(effect, via, recorded)
    return recorded
  }

  #perform({ type, timer = '', dueUs = 0 }: Effect, via: PathRuntime | null, cause: Recorded): void {
    if (type === 'startTimer') this.#timers.start(timer, dueUs)
    if (type === 'cancelTimer') this.#timers.cancel(timer)
    if (type === 'reportGroups') this.#ask(via)
    if (type === 'spreadGroups') this.#spread(cause)
    if (type === 'recountPaths' && this.#head !== null) recountPaths(this.#head, cause)
  }

  /** Each path of a group has the group's state; only a difference is an event, so only that touches caches (D-63). */
  #spread(cause: Recorded): void {
    for (const path of [...this.#paths]) {
      const group = groupNumberOf(this.#groups, path.hctl)
      if (group === null) continue
      const { access, preferred } = groupOf(this.#groups, path.hctl) ?? NOT_LISTED
      if (path.value.access === access && path.context.preferred === preferred) continue
      const listed = this.#groups.groups[group] !== undefined
      const why = listed ? `target port group ${group}` : `target port group ${group} is not in the report`
      recordPath(path, 'path.accessChanged', { access, preferred, why }, { cause })
    }
  }

  /** At most one report is in flight for the LUN; what asks meanwhile gets one more after it. */
  #ask(via: PathRuntime | null): void {
    if (this.#asking !== null) {
      this.#askAgain = true
      return
    }
    this.#begin(this.#askAny(via))
  }

  #begin(asking: Promise<unknown>): void {
    this.#asking = asking.then(() => {
      this.#asking = null
      if (!this.#askAgain || this.#core.broken !== null) return
      this.#askAgain = false
      guarded(this.#core, () => this.#ask(null))
    })
  }

  /** Through the path that the news came by, else through each that lives, until one answers. */
  async #askAny(via: PathRuntime | null): Promise<void> {
    const tried: PathRuntime[] = []
    let report: Report = { failed: 'no path of it lives' }
    for (;;) {
      const path = [via, ...this.#paths].find((one) => one !== null && mayAsk(one) && !tried.includes(one))
      if (path === undefined || path === null) break
      tried.push(path)
      report = await this.#turnstile.pass(() =>
        askForGroups(this.#core, path.device, this.#memory, () => {
          // It is about the state that is just being asked for.
        }),
      )
      if ('groups' in report) break
    }
    const done = report
    guarded(this.#core, () => this.#take(done, tried))
  }

  #take(report: Report, through: readonly PathRuntime[]): void {
    if (this.#core.broken !== null || this.#paths.length === 0) return
    if ('failed' in report) {
      const via = through.map(({ hctl }) => hctl).slice(0, 64)
      this.#record('lun.reportFailed', { via, why: report.failed.slice(0, 512) || '-' })
      return
    }
    const { extended, transitionSeconds, groups } = report.groups
    const via = through.at(-1)?.hctl ?? '-'
    const transitionUs = transitionSeconds === null ? TRANSITION_US : transitionSeconds * 1_000_000
    const listed = groups.slice(0, 1024).map(({ group, access, preferred, supported }) => {
      return { group, access, preferred, supported }
    })
    this.#record('lun.groupsReported', { via, extended, transitionUs, groups: listed })
  }
}

/** The state in which a path begins, by the report that was asked for it. */
export function standingOf({ port }: Identity, report: Report | null, known: GroupState | null): Standing {
  if (port === null || report === null) return { access: 'optimal', preferred: false }
  if ('failed' in report) return known ?? UNKNOWN
  return report.groups.groups.find(({ group }) => group === port.group) ?? NOT_LISTED
}

function isOfTimer({ type }: Effect): boolean {
  return type === 'startTimer' || type === 'cancelTimer'
}

/** Unit attentions after which an address may be another LUN's: its ids, or the list of LUNs, changed; or the target began anew. */
function mayBeAnother({ key, asc, ascq }: Sense): boolean {
  if (key !== SENSE_KEYS.unitAttention) return false
  return asc === RESET || (asc === TARGET_CHANGED && ANOTHER.has(ascq))
}

/** 29/xx: power on, reset, bus device reset. */
const RESET = 0x29
/** 3F/03 inquiry data has changed, 3F/05 device identifier changed, 3F/0E reported LUNs data has changed. */
const TARGET_CHANGED = 0x3f
const ANOTHER: ReadonlySet<number> = new Set([0x03, 0x05, 0x0e])

/** A path that is only not to be used for I/O by its access state may be asked; one that is dead may not. */
function mayAsk(path: PathRuntime): boolean {
  const { device, health } = path.value
  const lives = device === 'running' && (health === 'online' || health === 'marginal')
  return path.device.command !== undefined && path.present && lives && path.value.admin === 'enabled'
}
