// What the ledgers of the hosts tell, as it becomes durable: what explains re-sent I/O, and which rare situations came up.
import type { LiveEvent } from '../../engine/ledger/recorder.ts'
import type { Situation } from './sometimes.ts'
import type { Slot, World, Host } from './parts.ts'
import { report } from './parts.ts'

/** Events that only need to have happened. */
const REACHED: Readonly<Record<string, Situation>> = {
  'lun.bioPoisoned': 'bioPoisoned',
  'head.shrinkRefused': 'shrinkRefused',
  'path.becameMarginal': 'pathMarginal',
  'path.heldBack': 'pathHeldBack',
  'path.overridden': 'pathOverridden',
  'path.returned': 'pathReturnedAfterRestart',
  'path.forgotten': 'pathForgotten',
  'engine.ledgerRecovered': 'ledgerDegradedAndBack',
  'engine.proceededWithoutRecord': 'wentOnWithoutRecord',
  'reservation.pathRegistered': 'keyOnReturningPath',
  'lun.holdExpired': 'holdExpired',
}

const PROOFS: Readonly<Record<string, Situation>> = {
  completion: 'ghostEndedByCompletion',
  laterIo: 'ghostEndedByLaterIo',
  claim: 'ghostEndedByClaim',
  fence: 'ghostEndedByFence',
  time: 'ghostEndedByTime',
  operator: 'ghostReleasedByOperator',
}

/** What says of a path that something was wrong with it. */
const EXPLAINS = [
  'path.lateError',
  'path.suspected',
  'path.failed',
  'path.cleared',
  'path.removed',
  'path.probeSucceeded',
]

type Data = Readonly<Record<string, unknown>>
type Heard = (world: World, host: Host, stream: string, data: Data, atUs: number) => void

/** So soon it is seen that another engine's ghost has ended. */
const HELD_ON_US = 6_000

const HEARD: Readonly<Record<string, Heard>> = {
  'path.failed': (world, host, stream) => {
    const slot = slotOf(host, stream)
    if (slot === null) return
    slot.now.failedAtUs = world.clock.monoUs()
    const flushing = host.slots.some(({ lun, now }) => lun === slot.lun && now.tap.flushes > 0)
    if (flushing) world.sometimes.reach('failoverDuringFlush')
  },
  'path.probeFailed': (world, host, stream) => {
    if (slotOf(host, stream)?.now.sim.swapped !== null) world.sometimes.reach('identityRefused')
  },
  'lun.ghostsOpened': (world, host, _stream, data) => {
    const { path, reason, ghosts } = data as {
      path: string
      reason: string
      ghosts: { offset: number; length: number }[]
    }
    if (reason === 'unclean') world.sometimes.reach('wholeLunHeld')
    const atUs = world.clock.monoUs()
    for (const { offset, length } of ghosts) host.ghostsTold.push({ hctl: path, atUs, offset, length })
  },
  'lun.ghostsEnded': (world, host, stream, { proof, ids }) => {
    if (proof === 'time') checkTime(world, host, stream, ids as string[])
    const situation = PROOFS[String(proof)]
    if (situation !== undefined) world.sometimes.reach(situation)
  },
  'lun.holdExpired': (world, host, stream, { ghost }, atUs) => {
    const shared = world.luns.find(({ wwid }) => stream === `lun/${wwid}`)?.shared
    const ended = shared?.ended.get(String(ghost))
    if (shared === undefined || ended === undefined || ended.by === host.life) return
    // While it hangs nobody hears of an end; and what a ledger took up after a loss is let go of by its own proof.
    if (shared.hangs || shared.lastHungUs > ended.atUs || shared.storage > 1) return
    const lateUs = atUs - ended.atUs
    if (lateUs > HELD_ON_US)
      report(
        world,
        'holdsEnd',
        `${host.name} held a write ${lateUs} us after ghost ${String(ghost)} had ended`,
      )
  },
  'head.resized': (world, host) => {
    if (host.slots.some(({ now }) => now.tap.inFlight > 0)) world.sometimes.reach('resizedUnderLoad')
  },
  'reservation.commanded': (world, _host, _stream, { action }) => {
    if (action !== 'preempt' && action !== 'preemptAbort') return
    world.sometimes.reach('preempted')
    const [lun] = world.luns
    const down = world.hosts
      .flatMap(({ slots }) => slots)
      .some(
        ({ lun: of, now: { path } }) =>
          of === lun && path !== null && /^(failed|probing)$/.test(path.state.health),
      )
    if (down) world.sometimes.reach('preemptDuringFailover')
  },
  'reservation.settled': (world, _host, _stream, { action, status }) => {
    if (status === 'BUSY' && String(action).startsWith('preempt')) world.sometimes.reach('preemptBusy')
  },
}

/** What an engine left that died while another program had its device open: nothing says that the kernel has given it back. */
function checkTime(world: World, { name }: Host, stream: string, ids: readonly string[]): void {
  const shared = world.luns.find(({ wwid }) => stream === `lun/${wwid}`)?.shared
  for (const id of ids) {
    const { attach = '', device = '' } = shared?.ghosts.get(id) ?? {}
    for (const { hctl, host, bystanderUs } of world.hosts.flatMap(({ slots }) => slots)) {
      const ofLast = attach.startsWith(`${host.name}-${host.diedLife}-`)
      if (device !== `/dev/sim${hctl}` || !ofLast || bystanderUs === null || bystanderUs > host.diedUs)
        continue
      report(
        world,
        'timeIsNoProof',
        `${name} let time end ghost ${id} of ${attach}: ${device} was never free`,
      )
    }
  }
}

/** Hears one event of a host's ledger. */
export function hear(world: World, host: Host, { event, state }: LiveEvent): void {
  const { type, stream } = event
  const data = JSON.parse(event.data) as Data
  const situation = REACHED[type]
  if (situation !== undefined) world.sometimes.reach(situation)
  if (EXPLAINS.includes(type)) host.explained.add(stream.slice(stream.lastIndexOf('/') + 1))
  HEARD[type]?.(world, host, stream, data, event.monoUs)
  if (stream.startsWith('head/')) hearLife(world, host, stream, state.value)
  world.tell?.(`${host.name} ${event.position} ${stream} ${type} -> ${JSON.stringify(state.value)}`)
}

function hearLife(world: World, host: Host, stream: string, value: unknown): void {
  const { life } = value as { life?: string }
  if (life === undefined) return
  if (host.lifeOf.get(stream) === 'removalPending' && life === 'live')
    world.sometimes.reach('allDownOneReturns')
  if (life === 'removed') world.sometimes.reach('headRemoved')
  host.lifeOf.set(stream, life)
}

function slotOf({ slots }: Host, stream: string): Slot | null {
  return slots.find(({ hctl, lun }) => stream === `path/${lun.wwid}/${hctl}`) ?? null
}
