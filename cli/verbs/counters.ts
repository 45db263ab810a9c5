// `pathledger counters`: what a running engine has counted, and setting it back.
import type { Command } from 'commander'
import type { ControlRequest } from '../../index.ts'
import { ask, withReason, withSocket, type EngineOptions } from '../engine-verb.ts'
import { usageError } from '../failure.ts'
import { figure, lines } from '../text.ts'
import { withExamples, withJson, type Cli } from '../verb.ts'

type Counters = Readonly<Record<string, number>>
interface Counted {
  readonly name: string
  readonly counters: Counters
}
interface Shown {
  readonly heads: readonly (Counted & { readonly stat: Counters; readonly paths: readonly Counted[] })[]
  readonly adapters: readonly Counted[]
}

export function addCounters(program: Command, cli: Cli): void {
  const command = program
    .command('counters')
    .description('Print what a running engine has counted, by head, path and adapter.')
    .action(async (options: EngineOptions) => {
      await ask(cli, options, { verb: 'show' }, describeAll)
    })
  withJson(withSocket(command))
  withExamples(command, [
    ['pathledger counters --socket mp.sock', 'heads, their paths, and adapters'],
    [
      "pathledger counters set sda requeued=0 --socket mp.sock --reason 'new shift'",
      'set one; the ledger records the old and the new value',
    ],
    ['pathledger counters set host8 --socket mp.sock', 'set every counter of an adapter to 0'],
  ])
  addSet(command, cli)
}

function addSet(parent: Command, cli: Cli): void {
  const command = parent
    .command('set')
    .description('Set counters of a head, a path or an adapter; without a counter all of them to 0.')
    .argument('<name>', "a head ('sda', its wwid), a path ('sda:1', '9:0:0:0') or an adapter ('host9')")
    .argument('[counter=value...]', 'decimal, or with 0x or 0 in front hexadecimal or octal')
    .action(async (of: string, given: readonly string[], _options: EngineOptions, self: Command) => {
      const options: EngineOptions = self.optsWithGlobals()
      const { reason } = options
      const request: ControlRequest = {
        verb: 'countersSet',
        of,
        ...(given.length === 0 ? {} : { counters: Object.fromEntries(given.map(parse)) }),
        ...(reason === undefined ? {} : { reason }),
      }
      await ask(cli, options, request, ({ counters }: { counters: Counters }) =>
        lines([line({ name: of, counters })]),
      )
    })
  withJson(withReason(withSocket(command)))
  withExamples(command, [
    ['pathledger counters set sda requeued=0 failedNoPath=0 --socket mp.sock', 'set these two'],
  ])
}

/** 'errors=0x10' as [name, value]; a number as the kernel reads an unsigned long of any base. */
function parse(given: string): [string, number] {
  const [, name, digits] = /^([A-Za-z]+)=(0[xX][0-9a-fA-F]+|[0-9]+)$/.exec(given) ?? []
  const octal = digits !== undefined && /^0[0-9]+$/.test(digits)
  const value = Number(octal ? `0o${digits.slice(1)}` : digits)
  if (name !== undefined && Number.isSafeInteger(value)) return [name, value]
  throw usageError(
    `'${given}' sets no counter.`,
    `It is NAME=VALUE; a value is a whole number from 0 to ${Number.MAX_SAFE_INTEGER}.`,
    'Nothing was changed.',
  )
}

function describeAll({ heads, adapters }: Shown): string {
  const said = heads.flatMap((head) => [
    line(head),
    line({ name: `${head.name} stat`, counters: head.stat }),
    ...head.paths.map(line),
  ])
  return lines(said.length === 0 ? ['no heads'] : [...said, ...adapters.map(line)])
}

function line({ name, counters }: Counted): string {
  const figures = Object.entries(counters).map(([counter, value]) => `${counter} ${figure(value)}`)
  return `${name.padEnd(9)} ${figures.join(', ')}`
}
