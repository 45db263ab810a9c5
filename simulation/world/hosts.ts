// Hosts and their engines: opened on what the one before left, ended at any moment, started again.
import { PathledgerError } from '../../errors.ts'
import { foldAll, redecide } from '../../store/state/fold.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import type { LiveEvent } from '../../engine/ledger/recorder.ts'
import { Multipath } from '../../engine/multipath.ts'
import { Life, type Boot } from './life.ts'
import { below, LATENESS_MAX_US } from './mix.ts'
import { recoveredEqualsFold } from './recovered.ts'
import { addSlot, makeSlot } from './slot.ts'
import type { Slot, World, Host } from './parts.ts'
import { hear } from './watch.ts'
import { drive } from './world.ts'
import { report } from './parts.ts'

/** Builds the slots of a world's hosts: each host has its own adapters. */
export function makeSlots(world: World): void {
  const [main, rival] = world.hosts
  if (main === undefined) return
  world.luns.forEach((lun, unit) => {
    const paths = world.mix.luns[unit] ?? 1
    for (let path = 0; path < paths; path += 1) {
      main.slots.push(makeSlot(world, main, lun, `${7 + path}:0:0:${unit}`))
    }
  })
  const [shared] = world.luns
  if (rival === undefined || shared === undefined) return
  for (let path = 0; path < world.mix.rivalPaths; path += 1) {
    rival.slots.push(makeSlot(world, rival, shared, `${20 + path}:0:0:0`))
  }
}

/**
 * Starts an engine on a host and adds its paths. `fuse`: it dies after so many calls. Where it dies, or the ledger does not
 * take its start, it is tried again later.
 */
export async function startHost(world: World, host: Host, fuse: number | null): Promise<void> {
  const { clock } = world
  const life = new Life(clock, host.boot, fuse)
  host.life = life
  host.lives += 1
  host.opening = true
  const isRestart = host.lives > 1
  if (isRestart && world.luns.some(({ shared }) => shared.ghosts.size > 0))
    world.sometimes.reach('recoveryWithGhosts')
  life.onDeath(() => died(world, host, isRestart && host.opening))
  const mp = await drive(clock, open(world, host, life), () => life.alive).catch((error: unknown) => {
    if (!(error instanceof PathledgerError))
      report(world, 'engineRuns', `it does not start: ${String(error)}`)
    life.end('moment')
  })
  if (mp !== undefined && life.alive) {
    host.mp = mp
    mp.subscribe((live: LiveEvent) => hear(world, host, live))
    if (isRestart) await checkRecovered(world, host, mp)
    for (const slot of host.slots) {
      // Some paths come later, by themselves.
      if (isRestart && below(world.random, 6) === 0) continue
      const sameAttach = host.boot.lagUs === 0 || below(world.random, 2) === 0
      await drive(clock, addSlot(world, slot, isRestart && sameAttach), () => life.alive).catch(
        (error: unknown) => notAdded(world, error),
      )
    }
  }
  host.opening = false
}

/** A device was not taken: why is one of the reasons that there may be, or a broken promise. */
export function notAdded(world: World, error: unknown): void {
  const code = error instanceof PathledgerError ? error.code : 'unexpected'
  if (code === 'PATH_GHOST_CLAIM') world.sometimes.reach('claimRefused')
  if (code === 'LUN_STORAGE_STALLED') world.sometimes.reach('storageStalled')
  if (code === 'PATH_WRONG_LUN') world.sometimes.reach('identityRefused')
  if (NOT_ADDED.includes(code)) return
  report(world, 'errorsAreExpected', `a path was not added: ${code}: ${String(error)}`)
}

const NOT_ADDED = [
  'PATH_GHOST_CLAIM',
  'PATH_BUSY',
  'PATH_WRONG_LUN',
  'PATH_DUPLICATE',
  'PATH_SIZE_MISMATCH',
  'PATH_GONE',
  'LEDGER_STALLED',
  'LUN_STORAGE_STALLED',
  'LUN_STORAGE_LOST',
  'CLOSED',
]

function open(world: World, host: Host, life: Life): Promise<Multipath> {
  const { mix, plant, hosts } = world
  const initiators = hosts.map(({ name }) => name)
  const ids = counter(`${host.name}-${host.lives}`)
  const ledger = host.ledger.open(life)
  return Multipath.open({
    ...mix.settings,
    ledger: plant.ledger?.(ledger) ?? ledger,
    initiator: host.name,
    ports: {
      guardsOff: plant.guardsOff ?? false,
      clock: plant.clock?.(life.clock) ?? life.clock,
      newId: ids,
      bootId: host.boot.id,
      pid: host.lives,
      random: world.random.fork(`engine ${host.name} ${host.lives}`),
      allocate: (bytes) => new ArrayBuffer(bytes),
      addressOf: () => 0,
      lunStorage: async (wwid) => {
        const lun = world.luns.find((one) => one.wwid === wwid)
        if (lun === undefined) return null
        const storage = lun.shared.open(life, initiators)
        return plant.luns?.(storage) ?? storage
      },
      ...(mix.fences ? { fence: ({ hctl }) => fence(world, host, hctl) } : {}),
    },
  })
}

/** Kills what serves a path, and says so; now and then it cannot be reached. */
async function fence(world: World, host: Host, hctl: string): Promise<string> {
  const { clock } = world
  const slot = host.slots.find((one) => one.hctl === hctl)
  // What is attached while the command runs is not what it was told to kill.
  const devices = slot === undefined ? [] : [slot.now, ...slot.before]
  await new Promise<void>((resolve) => void clock.setTimer(clock.monoUs() + 1_000, resolve))
  if (slot === undefined || below(world.random, 4) === 0) throw new Error('it does not answer')
  for (const { sim, hang } of devices) {
    sim.kill()
    hang.drop('ENOLINK')
  }
  return 'its server was killed'
}

/** A ledger that failed is tried again within this time. */
const LEDGER_WELL_US = 300_000

/** What the start of an engine came to is what the ledger says, and the machines say the same again. */
async function checkRecovered(world: World, host: Host, mp: Multipath): Promise<void> {
  const { clock } = world
  const { ledger, life } = host
  // It is told as it becomes durable: wait until nothing more does.
  let told = -1
  for (let looks = 0; looks < 20 && told !== ledger.rows().length; looks += 1) {
    told = ledger.rows().length
    await clock.drain(clock.monoUs() + 1_000)
  }
  const wasWell = ledger.lastFaultUs < 0 || clock.monoUs() - ledger.lastFaultUs > LEDGER_WELL_US
  if (life?.alive !== true || !wasWell || told !== ledger.rows().length) return
  const reader = memoryReader(ledger.rows())
  const state = foldAll(reader)
  const wrong = recoveredEqualsFold(mp, state)
  if (wrong !== null) report(world, 'recoveryEqualsFold', `${host.name}: ${wrong}`)
  if (host.lives === 2 && JSON.stringify(state) !== JSON.stringify(redecide(reader))) {
    report(world, 'recoveryEqualsFold', `${host.name}: fold and replay differ after a restart`)
  }
}

/** An engine has died: its callers are gone with it, and what it had under way goes on by itself. */
function died(world: World, host: Host, inRecovery: boolean): void {
  const { clock, random, sometimes } = world
  world.crashes += 1
  const point = host.life?.diedAt ?? 'moment'
  world.tell?.(`${host.name} dies (${point}${inRecovery ? ', while it is opened' : ''})`)
  if (point === 'committed') sometimes.reach('crashBetweenAppendAndEffect')
  if (point === 'append') sometimes.reach('crashBeforeAppend')
  if (inRecovery) sometimes.reach('crashInRecovery')
  host.mp = null
  host.diedUs = clock.monoUs()
  host.diedLife = host.lives
  host.restartAtUs = clock.monoUs() + below(random, 20_000)
  for (const slot of host.slots) {
    slot.now.path = null
    slot.adding = false
    letGoLater(world, slot.now)
  }
}

/** What a device holds when it is taken away, or its engine dies, lands in a while. */
export function letGoLater({ clock, random }: World, { hang }: Slot['now']): void {
  clock.setTimer(clock.monoUs() + below(random, LATENESS_MAX_US), () => hang.disable())
}

/** Another boot of the machine: its monotonic clock begins anew. */
export function reboot(world: World, host: Host): void {
  const [lun] = world.luns
  // One machine: its engines share the storage of LUNs, and its boot.
  const boot: Boot = { id: `boot-${(lun?.disk.epoch ?? 0) + 2}`, lagUs: world.clock.monoUs() - 1_000_000 }
  host.boot = boot
}

function counter(prefix: string): () => string {
  let last = 0
  return () => {
    last += 1
    return `${prefix}-${String(last).padStart(6, '0')}`
  }
}
