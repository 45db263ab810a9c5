// `pathledger simulate`: the production engine on simulated devices and a virtual clock, seed by seed.
import { execFileSync } from 'node:child_process'
import type { Command } from 'commander'
import { simulate, VERSION } from '../../index.ts'
import type { SimulateOptions, SimulateResult, Violation } from '../../index.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import { startProgress } from '../progress.ts'
import { startLanes } from '../simulate/lanes.ts'
import { counted, paint } from '../text.ts'
import { printJson, withExamples, withJson } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly seeds: string
  readonly steps?: string
  readonly plant?: string
  readonly trace?: true
  readonly from?: string
  readonly json?: true
}

export function addSimulate(program: Command, cli: Cli): void {
  const command = program
    .command('simulate')
    .description('Run the engine on simulated paths with faults, and check what must always hold.')
    .requiredOption('--seeds <A..B>', 'seeds from A to B; or one seed alone')
    .option('--steps <N>', 'things that happen in each seed')
    .option('--plant <NAME>', 'with this bug in the engine, which the seeds are to find (docs/simulator.md)')
    .option('--trace', 'of one seed: a line for each thing that happens, and each change of a state')
    .option('--from <STEP>', 'with --trace: from this step on')
    .action(async (options: Options) => {
      cli.exitCode = await run(cli, options)
    })
  withJson(command)
  withExamples(command, [
    ['pathledger simulate --seeds 1..300', 'three hundred lives of a disk, each full of faults'],
    ['pathledger simulate --seeds 7 --json', 'one seed again: the same trace, whatever ran before it'],
    ['pathledger simulate --seeds 7 --trace --from 120', 'what happened in it, from step 120 on'],
    ['pathledger simulate --seeds 1..200 --plant noGhostGuard', 'does it find a bug that we put in?'],
  ])
}

async function run(cli: Cli, options: Options): Promise<number> {
  const { io } = cli
  const { from, to } = parseSeeds(options.seeds)
  const what = {
    ...(options.steps === undefined ? {} : { steps: parseNumber('steps', options.steps) }),
    ...(options.plant === undefined ? {} : { plant: options.plant }),
  }
  const result =
    options.trace === true
      ? await traced(cli, options, { from, to, ...what })
      : await swept(cli, options, { from, to, ...what })
  if (options.json) await printJson(io, documentOf(result))
  else await io.out(describe(result, io.color, again(options)))
  return result.violations.length === 0 ? EXIT.ok : EXIT.verification
}

/** A sweep, on every core there is. */
async function swept({ io }: Cli, { json }: Options, options: SimulateOptions): Promise<SimulateResult> {
  const { from, to, ...what } = options
  const progress = startProgress(io, 'seeds', json !== true)
  let done = 0
  const lanes = startLanes(to - from + 1, what)
  try {
    return await simulate({
      ...options,
      ...(lanes.count === 0 ? {} : { elsewhere: lanes.run, lanes: lanes.count }),
      onSeed: () => progress.update((done += 1), to - from + 1),
    })
  } finally {
    await lanes.end()
    progress.end()
  }
}

/** One seed, with its story on stdout; with --json on stderr. */
async function traced(
  { io }: Cli,
  { json, from }: Options,
  options: SimulateOptions,
): Promise<SimulateResult> {
  if (options.from !== options.to) {
    throw usageError(
      '--trace is for one seed.',
      'A story of many would be told all at once.',
      'Write --seeds 7 --trace.',
    )
  }
  const first = from === undefined ? 0 : parseNumber('from', from)
  const told: string[] = [
    `seed ${options.from}, pathledger ${VERSION}, commit ${commit()}, steps ${options.steps ?? 'default'}, plant ${options.plant ?? 'none'}`,
  ]
  const onLine = (step: number, line: string) => {
    if (step >= first) told.push(`${step} ${line}`)
  }
  const result = await simulate({ ...options, onLine })
  const story = `${told.join('\n')}\n`
  if (json === true) io.err(story)
  else await io.out(story)
  return result
}

/** The commit that these sources are of; 'unknown' for an installed package. */
function commit(): string {
  try {
    const options = {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'] as ('ignore' | 'pipe')[],
    } as const
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).trim()
  } catch {
    return 'unknown'
  }
}

function documentOf(result: SimulateResult): SimulateResult {
  const { seeds, violations, sometimes, ios, faults, crashes, trace } = result
  return { seeds, violations, sometimes, ios, faults, crashes, trace }
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

function parseNumber(option: 'steps' | 'from', typed: string): number {
  const number = /^\d{1,7}$/.test(typed) ? Number(typed) : 0
  if (number > 0) return number
  throw usageError(
    `'${typed}' is not a number of steps.`,
    'It is a whole number from 1.',
    `Write --${option} 400.`,
  )
}

/** The options that make a seed what it is, as they were typed. */
function again({ steps, plant }: Options): string {
  return `${steps === undefined ? '' : ` --steps ${steps}`}${plant === undefined ? '' : ` --plant ${plant}`}`
}

function describe(result: SimulateResult, color: boolean, more: string): string {
  const { seeds, violations, sometimes, ios, faults, crashes, trace } = result
  const { good, bad, dim } = paint(color)
  const head = `${counted(seeds, 'seed')}, ${counted(ios, 'I/O')}, ${counted(faults, 'fault')}, ${counted(crashes, 'crash', 'crashes')}: `
  const verdict =
    violations.length === 0 ? good('nothing was violated') : bad(counted(violations.length, 'violation'))
  const counts = Object.values(sometimes)
  const reached = `${counts.filter((count) => count > 0).length} of ${counts.length} rare situations came up`
  const found = violations.map((violation) => describeViolation(violation, more)).join('')
  return `${head}${verdict}\n${reached}\n${found}${dim(`trace ${trace}`)}\n`
}

function describeViolation({ seed, step, invariant, detail }: Violation, more: string): string {
  const alone =
    invariant === 'sometimes' ? '' : `    alone: pathledger simulate --seeds ${seed}${more} --trace\n`
  return `  seed ${seed}, step ${step}: ${invariant}: ${detail}\n${alone}`
}
