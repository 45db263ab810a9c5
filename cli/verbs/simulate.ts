// `pathledger simulate`: the production engine on memory paths and a virtual clock, seed by seed.
import type { Command } from 'commander'
import { simulate } from '../../index.ts'
import type { SimulateResult, Violation } from '../../index.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import { startProgress } from '../progress.ts'
import { counted, paint } from '../text.ts'
import { printJson, withExamples, withJson } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly seeds: string
  readonly steps?: string
  readonly json?: true
}

export function addSimulate(program: Command, cli: Cli): void {
  const command = program
    .command('simulate')
    .description('Run the engine on simulated paths with faults, and check what must always hold.')
    .requiredOption('--seeds <A..B>', 'seeds from A to B; or one seed alone')
    .option('--steps <N>', 'things that happen in each seed')
    .action(async (options: Options) => {
      cli.exitCode = await run(cli, options)
    })
  withJson(command)
  withExamples(command, [
    ['pathledger simulate --seeds 1..300', 'three hundred lives of a disk, each full of faults'],
    ['pathledger simulate --seeds 7 --json', 'one seed again: the same trace, whatever ran before it'],
  ])
}

async function run({ io }: Cli, { seeds, steps, json }: Options): Promise<number> {
  const { from, to } = parseSeeds(seeds)
  const progress = startProgress(io, 'seeds', json !== true)
  let done = 0
  const result = await simulate({
    from,
    to,
    ...(steps === undefined ? {} : { steps: parseSteps(steps) }),
    onSeed: () => progress.update((done += 1), to - from + 1),
  })
  progress.end()
  if (json) await printJson(io, documentOf(result))
  else await io.out(describe(result, io.color))
  return result.violations.length === 0 ? EXIT.ok : EXIT.verification
}

function documentOf({ seeds, violations, ios, faults, trace }: SimulateResult): SimulateResult {
  return { seeds, violations, ios, faults, trace }
}

/** '7', '1..300'. */
function parseSeeds(typed: string): { from: number; to: number } {
  const parts = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(typed)
  const [from, to] = [Number(parts?.[1]), Number(parts?.[2] ?? parts?.[1])]
  if (parts !== null && from <= to) return { from, to }
  throw usageError(
    `'${typed}' is not a range of seeds.`,
    'It is A..B, whole numbers, A not above B, or one seed.',
    'Write --seeds 1..300 or --seeds 7.',
  )
}

function parseSteps(typed: string): number {
  const steps = /^\d{1,7}$/.test(typed) ? Number(typed) : 0
  if (steps > 0) return steps
  throw usageError(
    `'${typed}' is not a number of steps.`,
    'It is a whole number from 1.',
    'Write --steps 400.',
  )
}

function describe({ seeds, violations, ios, faults, trace }: SimulateResult, color: boolean): string {
  const { good, bad, dim } = paint(color)
  const head = `${counted(seeds, 'seed')}, ${counted(ios, 'I/O')}, ${counted(faults, 'fault')}: `
  const verdict =
    violations.length === 0 ? good('nothing was violated') : bad(counted(violations.length, 'violation'))
  return `${head}${verdict}\n${violations.map(describeViolation).join('')}${dim(`trace ${trace}`)}\n`
}

function describeViolation({ seed, step, invariant, detail }: Violation): string {
  return `  seed ${seed}, step ${step}: ${invariant}: ${detail}\n    alone: pathledger simulate --seeds ${seed}\n`
}
