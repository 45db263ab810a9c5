// `pathledger simulate`: the production engine on simulated devices and a virtual clock, seed by seed.
import type { Command } from 'commander'
import { simulate } from '../../doors/simulate.ts'
import type { SimulateOptions, SimulateResult } from '../../doors/simulate.ts'
import { EXIT } from '../exit-codes.ts'
import { usageError } from '../failure.ts'
import { startProgress } from '../progress.ts'
import { changesIn, describe, describeChanges, heading, type Told } from '../simulate/describe.ts'
import { startLanes } from '../simulate/lanes.ts'
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
    .description(
      'Run the engine on simulated paths with faults, and check that every rule that must always hold is kept.',
    )
    .requiredOption('--seeds <A..B>', 'seeds from A to B; or one seed alone')
    .option('--steps <N>', 'number of steps in each seed')
    .option('--plant <NAME>', 'plant this bug in the engine, which the seeds should find (docs/simulator.md)')
    .option('--trace', 'for one seed: print a line for each step and each change of a state')
    .option(
      '--from <STEP>',
      'what is told of a seed (with --trace, or of what was violated): from this step on',
    )
    .action(async (options: Options) => {
      cli.exitCode = await run(cli, options)
    })
  withJson(command)
  withExamples(command, [
    ['pathledger simulate --seeds 1..300', '300 runs of a disk, each full of faults'],
    ['pathledger simulate --seeds 7 --json', 'one seed again: the same trace, whatever ran before it'],
    ['pathledger simulate --seeds 7 --trace --from 120', 'what happened in it, from step 120 on'],
    ['pathledger simulate --seeds 1..200 --plant noGhostGuard', 'does it find a planted bug?'],
  ])
}

async function run(cli: Cli, options: Options): Promise<number> {
  const { io } = cli
  const { from, to } = parseSeeds(options.seeds)
  const what = {
    ...(options.steps === undefined ? {} : { steps: parseNumber('steps', options.steps) }),
    ...(options.plant === undefined ? {} : { plant: options.plant }),
  }
  const shownFrom = fromStep(options.from)
  if (options.trace === true) {
    const result = await traced(cli, options, { from, to, ...what })
    if (options.json) await printJson(io, documentOf(result))
    else await io.out(describe(result, io.color, options, ''))
    return exitCodeOf(result)
  }
  const result = await swept(cli, options, { from, to, ...what })
  if (options.json) await printJson(io, documentOf(result))
  else {
    const changes = await changesOf(result, what, shownFrom)
    await io.out(`${heading(options)}${describe(result, io.color, options, changes)}`)
  }
  return exitCodeOf(result)
}

function exitCodeOf(result: SimulateResult): number {
  return result.violations.length === 0 ? EXIT.ok : EXIT.verification
}

/** What led to the first violation: its seed is run once more, and comes to the same. */
async function changesOf(
  { violations }: SimulateResult,
  what: Pick<SimulateOptions, 'steps' | 'plant'>,
  from: number | null,
): Promise<string> {
  const first = violations.find(({ invariant }) => invariant !== 'sometimes')
  if (first === undefined) return ''
  const story: Told[] = []
  const { seed } = first
  await simulate({ ...what, from: seed, to: seed, onLine: (step, line) => void story.push({ step, line }) })
  return describeChanges(first, changesIn(story), from)
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
async function traced({ io }: Cli, typed: Options, options: SimulateOptions): Promise<SimulateResult> {
  const { json, from } = typed
  if (options.from !== options.to) {
    throw usageError(
      '--trace is for one seed.',
      'A story of many would be told all at once.',
      'Write --seeds 7 --trace.',
    )
  }
  const first = fromStep(from) ?? 0
  const told: string[] = []
  const onLine = (step: number, line: string) => {
    if (step >= first) told.push(`${step} ${line}`)
  }
  const result = await simulate({ ...options, onLine })
  const story = `${heading(typed)}${told.map((line) => `${line}\n`).join('')}`
  if (json === true) io.err(story)
  else await io.out(story)
  return result
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

function fromStep(typed: string | undefined): number | null {
  return typed === undefined ? null : parseNumber('from', typed)
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
