// `pathledger verify`: is the record whole, and do its inputs decide the same again?
import type { Command } from 'commander'
import { checkSources, LOG_FILES, verifySegments } from '../../doors/ledger.ts'
import { verifyLedger } from '../../index.ts'
import type { SegmentCheck, SourcesCheck } from '../../doors/ledger.ts'
import type { Verification } from '../../index.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { startProgress } from '../progress.ts'
import { counted, lines, paint } from '../text.ts'
import { END_MISSING, printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly segments?: true
  readonly sources?: string
  readonly json?: true
}

export function addVerify(program: Command, cli: Cli): void {
  const command = program
    .command('verify')
    .description(
      'Check the hash chain of a ledger, its end, and that every decision is the same when it is made again.\n' +
        'If something was changed, exits with 5 and names the first bad position. If its end may be missing, exits with 7.',
    )
    .argument('<file>', 'a ledger; an engine may be writing it')
    .option('--segments', 'also verify every segment before it, and that they fit together')
    .option('--sources <dir>', 'also compare the files that `ingest` read with their lines on the ledger')
    .action(async (file: string, options: Options) => {
      const check = options.segments === true ? runSegments : run
      cli.exitCode =
        options.sources === undefined
          ? await check(cli.io, file, options)
          : await runSources(cli.io, file, options.sources, options)
    })
  withJson(command)
  withExamples(command, [
    ['pathledger verify demo.ledger', 'for people'],
    ['pathledger verify night.ledger --sources sosreport-db01/', 'are the logs unchanged?'],
    ['pathledger verify demo.ledger --json', '{"events","chain","head","replay"}; keep head elsewhere'],
  ])
}

async function run(io: Io, file: string, { json }: Options): Promise<number> {
  const verification = verifyLedger(file)
  if (json) await printJson(io, documentOf(verification))
  else await io.out(describe(verification, io.color))
  return exitOf([verification])
}

async function runSources(io: Io, file: string, folder: string, { json }: Options): Promise<number> {
  const verification = verifyLedger(file)
  const progress = startProgress(io, 'bytes', json !== true)
  const check = await withLedger({ io }, file, { json }, (reader) =>
    checkSources(reader, LOG_FILES, [folder], (bytes, of) => progress.update(bytes, of)),
  )
  progress.end()
  if (json) await printJson(io, { ...documentOf(verification), ...check })
  else await io.out(`${describe(verification, io.color)}${describeSources(check, io.color)}`)
  return check.facts === 'same' ? exitOf([verification]) : EXIT.verification
}

function describeSources({ sources, facts, why }: SourcesCheck, color: boolean): string {
  const { good, bad } = paint(color)
  const said = sources.map(({ name, state, lines: count, changed }) => {
    const which =
      changed.length === 0 ? '' : `, lines ${changed.slice(0, 10).join(', ')} are not what was read`
    const bytes = state === 'changed' && changed.length === 0 ? ', in lines that no row rests on' : ''
    return `${(state === 'same' ? good : bad)(state)}  ${name}, ${counted(count, 'line')} looked at${which}${bytes}`
  })
  const told =
    facts === null
      ? bad(`facts not compared: ${why}`)
      : facts === 'same'
        ? good('read again, they tell the same facts')
        : bad(why)
  return lines([...said, told])
}

async function runSegments(io: Io, file: string, { json }: Options): Promise<number> {
  const checks = verifySegments(file)
  if (json) {
    const segments = checks.map(({ file: name, verification, why }) => {
      return {
        file: name,
        ...(verification === null ? {} : documentOf(verification)),
        ...(why === '' ? {} : { why }),
      }
    })
    await printJson(io, { segments })
  } else await io.out(checks.map((check) => describeSegment(check, io.color)).join(''))
  if (checks.some(({ why }) => why !== '')) return EXIT.verification
  return exitOf(checks.flatMap(({ verification }) => verification ?? []))
}

function exitOf(found: readonly Verification[]): number {
  if (found.some(({ firstBad, derived }) => firstBad !== null || derived.length > 0)) return EXIT.verification
  return found.some(({ lastRun }) => lastRun === 'lost') ? EXIT.endMissing : EXIT.ok
}

function describeSegment({ file, verification, why }: SegmentCheck, color: boolean): string {
  const { bad, bold } = paint(color)
  const found = verification === null ? '' : describe({ ...verification, why: '' }, color)
  return `${lines([bold(file)])}${found}${why === '' ? '' : lines([bad(why)])}`
}

/** What is wrong is there only when something is. */
function documentOf(verification: Verification) {
  const { events, chain, head, replay, firstBad, why, difference, derived, unproved, lastRun, warnings } =
    verification
  return {
    ...{ events, chain, head, replay },
    ...(firstBad === null ? {} : { firstBad, why }),
    ...(difference === null ? {} : { difference }),
    ...(derived.length === 0 ? {} : { derived }),
    ...(firstBad === null ? { lastRun, unproved } : {}),
    ...(warnings.length === 0 ? {} : { warnings }),
  }
}

function describe(verification: Verification, color: boolean): string {
  const { events, chain, head, replay, firstBad, why, difference, derived, unproved, lastRun, warnings } =
    verification
  const { good, bad, warn, dim } = paint(color)
  const mark = (fine: boolean, text: string): string => (fine ? good(text) : bad(text))
  const said = [
    `${counted(events, 'event')}, chain ${mark(chain === 'ok', chain)}, replay ${mark(replay === 'equal', replay)}`,
    firstBad === null ? dim(`head ${head}`) : bad(`first bad position: ${firstBad}`),
    firstBad === null ? '' : why,
    ...(difference === null ? [] : [`  stored   ${difference.stored}`, `  decided  ${difference.decided}`]),
    ...derived.map((fault) => `${bad('index or cache')}  ${fault}`),
    ...warnings.map((warning) => `${warn('warning')}  ${warning}`),
    ...(lastRun === 'lost' ? [`${warn('warning')}  ${END_MISSING}`] : []),
    ...unproved.map(({ says }) => `${dim('not proved')}  ${says}`),
  ]
  return lines(said.filter((line) => line !== ''))
}
