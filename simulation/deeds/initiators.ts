// Two hosts and their reservations of one LUN: they register, reserve, release, preempt each other, and clear everything.
import { hasCode } from '../../errors.ts'
import type { Reservations } from '../../engine/api/reservations.ts'
import { below, pick } from '../world/mix.ts'
import { RESERVERS_HEAR } from './expected.ts'
import type { Scene } from './scene.ts'
import { report } from '../world/parts.ts'
import type { World, Host, SimLun } from '../world/parts.ts'

const KEYS: Readonly<Record<string, string>> = { main: '0xa1', rival: '0xb2' }
const TYPES = [
  'write-exclusive',
  'write-exclusive-reg-only',
  'exclusive-access-reg-only',
  'write-exclusive-all-regs',
] as const

type Command = (reservations: Reservations, key: string, other: string) => Promise<void>

/** One host does one command. */
export function reserve({ world, random }: Scene): void {
  const host = world.hosts[below(random, world.hosts.length)]
  const [lun] = world.luns
  if (host === undefined || lun === undefined) return
  const type = pick(random, TYPES)
  const abort = below(random, 3) === 0
  const commands: Readonly<Record<string, Command>> = {
    register: (reservations, key) => reservations.register(key, { ignore: true }),
    reserve: (reservations, key) => reservations.reserve(key, type),
    release: (reservations, key) => reservations.release(key, reservations.readReservation()?.type ?? type),
    preempt: (reservations, key, other) => reservations.preempt(key, other, type, { abort }),
    clear: (reservations, key) => reservations.clear(key),
    unregister: (reservations, key) => reservations.unregister(key),
  }
  const name = pick(random, [
    'register',
    'register',
    'reserve',
    'reserve',
    'release',
    'preempt',
    'clear',
    'unregister',
  ])
  const command = commands[name]
  if (command !== undefined) void run(world, host, { lun, name, command })
}

/**
 * One host has the LUN and writes to it, slowly; the other one takes it away. Nothing of the first may land once the second
 * has heard that it is done.
 */
export function duel(scene: Scene): void {
  const { world, random, workload } = scene
  const [lun] = world.luns
  const victim = world.hosts[below(random, world.hosts.length)]
  const winner = world.hosts.find((host) => host !== victim)
  if (lun === undefined || victim === undefined || winner === undefined) return
  const type = pick(random, TYPES)
  const slowUs = 1_000 + below(random, 20_000)
  const register: Command = (reservations, key) => reservations.register(key, { ignore: true })
  const fight = async () => {
    await run(world, victim, { lun, name: 'register', command: register })
    await run(world, winner, { lun, name: 'register', command: register })
    await run(world, victim, {
      lun,
      name: 'reserve',
      command: (reservations, key) => reservations.reserve(key, type),
    })
    if (world.healed) return
    for (const { now } of victim.slots) {
      if (now.spared || world.mix.errorsAre === 'connection') continue
      now.delay.enable({ delayUs: slowUs })
    }
    for (let writes = 0; writes < 3; writes += 1) workload.write(null, { host: victim, lun })
    await run(world, winner, {
      lun,
      name: 'preempt',
      command: (reservations, key, other) => reservations.preempt(key, other, type),
    })
  }
  void fight()
}

interface Asked {
  readonly lun: SimLun
  readonly name: string
  readonly command: Command
}

async function run(world: World, host: Host, { lun, name, command }: Asked): Promise<void> {
  const head = host.mp?.heads.find(({ wwid }) => wwid === lun.wwid)
  const { life } = host
  if (head === undefined || life === null) return
  const key = KEYS[host.name] ?? '0xa1'
  const other = KEYS[host.name === 'main' ? 'rival' : 'main'] ?? '0xb2'
  try {
    await command(head.reservations, key, other)
  } catch (error) {
    if (RESERVERS_HEAR.some((code) => hasCode(error, code))) return
    report(world, 'errorsAreExpected', `${name} ended with ${String(error)}`)
    return
  }
  world.tell?.(`  ${host.name} is told that its ${name} is GOOD`)
  // From now on nothing of whom it took access from may land.
  const epoch = lun.shared.commandedAt(life)
  const takesAccess = name !== 'register' && name !== 'unregister'
  if (takesAccess && life.alive && epoch !== null) lun.settledEpoch = Math.max(lun.settledEpoch, epoch)
}

/** Takes every reservation away, through whoever has the LUN. */
export async function clearReservations(world: World): Promise<void> {
  for (const host of world.hosts) {
    const head = host.mp?.heads.find(({ wwid }) => wwid === world.luns[0]?.wwid)
    if (head === undefined || head.reservations.readKeys().keys.length === 0) continue
    const key = KEYS[host.name] ?? '0xa1'
    await head.reservations.register(key, { ignore: true }).catch(() => undefined)
    await head.reservations.clear(key).catch(() => undefined)
  }
}
