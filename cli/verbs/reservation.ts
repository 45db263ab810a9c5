// `pathledger reservation`: persistent reservations of a LUN, through an engine that runs.
import type { Command } from 'commander'
import type { ControlRequest, ReservationReport } from '../../index.ts'
import { ask, withReason, withSocket, type EngineOptions } from '../engine-verb.ts'
import { lines } from '../text.ts'
import { withExamples, withJson, type Cli } from '../verb.ts'

type Asked = Extract<ControlRequest, { key: string }>
type Reason = Pick<Asked, 'reason'>

interface RegisterOptions extends EngineOptions {
  readonly oldKey?: string
  readonly ignore?: true
  readonly aptpl?: boolean
}

const HEAD = "the head: its name ('sda') or its wwid"
const KEY = "the key that this engine is registered with: '0x' and up to 16 hex digits"
const TYPE = 'write-exclusive or exclusive-access, or one of them with -reg-only or -all-regs'

export function addReservation(program: Command, cli: Cli): void {
  const command = program
    .command('reservation')
    .description('Print or change the persistent reservations of a LUN, on every path of a running engine.')
  withExamples(command, [
    ['pathledger reservation show sda --socket mp.sock', 'who is registered, and who holds the LUN'],
    [
      'pathledger reservation register sda 0xa1 --socket mp.sock',
      'register this engine, on each of its paths',
    ],
    [
      'pathledger reservation reserve sda 0xa1 write-exclusive-reg-only --socket mp.sock',
      'and keep others out',
    ],
    [
      "pathledger reservation preempt sda 0xb2 0xa1 write-exclusive-reg-only --socket b.sock --reason 'a hangs'",
      'take it over',
    ],
  ])
  addReports(command, cli)
  addRegister(command, cli)
  addTyped(command, cli, 'reserve', 'reservationReserve', 'Reserve the LUN.')
  addTyped(
    command,
    cli,
    'release',
    'reservationRelease',
    'Release the reservation; its own path may be down.',
  )
  addPreempt(command, cli, 'preempt', false)
  addPreempt(command, cli, 'preempt-and-abort', true)
  addClear(command, cli)
}

function addReports(parent: Command, cli: Cli): void {
  const reports = [
    ['show', 'Print the reservation, its generation, and each registered path of each engine.', describe],
    ['keys', 'Print the generation, and a key for each registered path of each engine.', describeKeys],
  ] as const
  for (const [word, description, print] of reports) {
    const command = parent
      .command(word)
      .description(description)
      .argument('<head>', HEAD)
      .action(async (head: string, options: EngineOptions) => {
        await ask(cli, options, { verb: 'reservation', head }, print)
      })
    withJson(withSocket(command))
    withExamples(command, [
      [`pathledger reservation ${word} sda --socket mp.sock`, 'as every engine of the LUN sees it'],
    ])
  }
}

function addRegister(parent: Command, cli: Cli): void {
  const command = parent
    .command('register')
    .description(
      'Register a key for this engine on every path, also on paths that come later. Key 0x0 removes the registration.',
    )
    .argument('<head>', HEAD)
    .argument('<key>', 'the new key')
    .option('--old-key <KEY>', 'the key that it is registered with now')
    .option('--ignore', 'register whatever key it is registered with now')
    .option('--no-aptpl', 'do not ask the LUN to keep it through a power loss (it does so anyway)')
    .action(async (head: string, key: string, options: RegisterOptions) => {
      const { oldKey, ignore, aptpl = true } = options
      const more = { ...(oldKey === undefined ? {} : { oldKey }), ...(ignore ? { ignore } : {}), aptpl }
      await send(cli, options, { verb: 'reservationRegister', head, key, ...more, ...reasonOf(options) })
    })
  finish(command, 'register sda 0xa1', 'register')
  withExamples(command, [
    ['pathledger reservation register sda 0x0 --old-key 0xa1 --socket mp.sock', 'remove the registration'],
  ])
}

function addTyped(
  parent: Command,
  cli: Cli,
  word: 'reserve' | 'release',
  verb: 'reservationReserve' | 'reservationRelease',
  description: string,
): void {
  const command = parent
    .command(word)
    .description(description)
    .argument('<head>', HEAD)
    .argument('<key>', KEY)
    .argument('<type>', TYPE)
    .action(async (head: string, key: string, type: string, options: EngineOptions) => {
      await send(cli, options, { verb, head, key, type, ...reasonOf(options) })
    })
  finish(command, `${word} sda 0xa1 write-exclusive-reg-only`, description.toLowerCase())
}

function addPreempt(parent: Command, cli: Cli, word: string, abort: boolean): void {
  const command = parent
    .command(word)
    .description(
      'Remove the registrations of another key, and its reservation. Done when no write of its engine is open.',
    )
    .argument('<head>', HEAD)
    .argument('<key>', KEY)
    .argument('<victim>', 'the key to remove; 0x0: every holder of a reservation for all registrants')
    .argument('<type>', `${TYPE}: the type of the new reservation`)
    .action(async (head: string, key: string, victim: string, type: string, options: EngineOptions) => {
      const which = { verb: 'reservationPreempt', head, key, victim, type, abort } as const
      await send(cli, options, { ...which, ...reasonOf(options) })
    })
  finish(command, `${word} sda 0xb2 0xa1 write-exclusive-reg-only`, 'take it over from key 0xa1')
}

function addClear(parent: Command, cli: Cli): void {
  const command = parent
    .command('clear')
    .description('Remove the reservation and all registrations of every engine.')
    .argument('<head>', HEAD)
    .argument('<key>', KEY)
    .action(async (head: string, key: string, options: EngineOptions) => {
      await send(cli, options, { verb: 'reservationClear', head, key, ...reasonOf(options) })
    })
  finish(command, 'clear sda 0xa1', 'everybody may write again')
}

function finish(command: Command, line: string, what: string): void {
  withJson(withReason(withSocket(command)))
  withExamples(command, [[`pathledger reservation ${line} --socket mp.sock`, what]])
}

function reasonOf({ reason }: EngineOptions): Reason {
  return reason === undefined ? {} : { reason }
}

function send(cli: Cli, options: EngineOptions, request: Asked): Promise<void> {
  return ask(cli, options, request, describe)
}

function describe({ head, generation, reservation, registrants }: ReservationReport): string {
  const held =
    reservation === null
      ? 'not reserved'
      : `${reservation.type}, held by ${reservation.holder === null ? 'every registrant' : holderOf(reservation)}`
  return lines([
    `${head}: ${held}; generation ${generation}, ${registrants.length} paths registered`,
    ...registrants.map(({ initiator, nexus, key }) => `  ${key}  ${nexus} of ${initiator}`),
  ])
}

function holderOf({ key, holder }: NonNullable<ReservationReport['reservation']>): string {
  return `${key ?? 'no key'}, ${holder?.nexus ?? ''} of ${holder?.initiator ?? ''}`
}

function describeKeys({ head, generation, registrants }: ReservationReport): string {
  return lines([
    `${head}: generation ${generation}, ${registrants.length} keys`,
    ...registrants.map(({ key }) => `  ${key}`),
  ])
}
