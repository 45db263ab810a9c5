// `pathledger explain`: why is a path, a head or an I/O as it is? From the symptom to the first evidence.
import type { Command } from 'commander'
import { explain } from '../../index.ts'
import type { Explanation, ExplainTarget } from '../../index.ts'
import type { FileReader } from '../../store/read/reader.ts'
import { oneLine, stateWords } from '../show/describe-event.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { isoOf, MOMENT_HELP, positionOf } from '../moment.ts'
import { findStream } from '../names.ts'
import { lines, paint } from '../text.ts'
import { printJson, withExamples, withJson, withLedger } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly at?: string
  readonly json?: true
}

export function addExplain(program: Command, cli: Cli): void {
  const command = program
    .command('explain')
    .description(
      'Explain the state of a path, a head or an I/O: from the symptom back to the first evidence.',
    )
    .argument('<what>', "a path ('sda:0', '8:0:0:0'), a head ('sda', its wwid), or an I/O ('io:17')")
    .argument('<file>', 'a ledger; an engine may be writing it')
    .option('--at <POSITION|TIME>', `when; default: at the end. ${MOMENT_HELP}`)
    .action(async (what: string, file: string, options: Options) => {
      cli.exitCode = await withLedger(cli, file, options, (reader) => run(cli.io, reader, what, options))
    })
  withJson(command)
  withExamples(command, [
    ['pathledger explain sda mp.ledger', 'what is wrong with this disk, and why?'],
    ['pathledger explain sda:0 mp.ledger --at 2026-11-22T21:03:05Z', 'why was this path out of use then?'],
    ['pathledger explain io:17 mp.ledger --json', 'what happened to one I/O, for a program'],
  ])
}

async function run(io: Io, reader: FileReader, what: string, { at, json }: Options): Promise<number> {
  const position = at === undefined ? reader.head().events : positionOf(reader, at)
  const number = /^(?:io:|#)(\d{1,15})$/.exec(what)?.[1]
  const target: ExplainTarget =
    number === undefined ? { stream: findStream(reader, what, position) } : { io: Number(number) }
  const explanation = explain(reader, target, { position })
  if (json === true) await printJson(io, explanation)
  else await io.out(describe(explanation, io.color))
  return EXIT.ok
}

function describe(explanation: Explanation, color: boolean): string {
  const { bold, dim, bad, warn } = paint(color)
  const {
    subject,
    position,
    recordedAtUs,
    state,
    now,
    symptom,
    chain,
    root,
    advice,
    also,
    layer,
    certainty,
  } = explanation
  const where = dim(`position ${position}, ${isoOf(recordedAtUs)}`)
  return lines([
    `${bold(subject)}  ${state === null ? '' : `${stateWords(state)}  `}${where}`,
    now ? bad(oneLine(symptom)) : oneLine(symptom),
    ...chain.map(({ position: at, recordedAtUs: us, says }) => {
      return `  ${String(at).padStart(6)}  ${dim(isoOf(us))}  ${oneLine(says)}`
    }),
    ...also.map((line) => `  ${warn('also')}    ${oneLine(line)}`),
    ...(root.kind === 'nothing' ? [] : [`${bold('First evidence')}: ${oneLine(evidence(explanation))}`]),
    ...(certainty === '' ? [] : [`${bold('Where to look')}: the ${layer}. ${certainty}`]),
    `${bold('What to do')}: ${oneLine(advice)}`,
  ])
}

/** Who or what stands at the beginning, with its figures. */
function evidence({ root, chain }: Explanation): string {
  const { position, op, offset, length, errno, status, path, incarnation, actor, reason, timer } = root
  const life = path === null ? [] : [`path ${path}${incarnation === null ? '' : `, life ${incarnation}`}`]
  const what =
    op === null
      ? [
          ...(timer === null ? [] : [`timer ${timer}`]),
          ...(actor === null ? [] : [`by ${actor}`]),
          ...(reason === null ? [] : [`"${reason}"`]),
        ]
      : [`${errno ?? 'no errno'} (${status ?? ''}) on ${op} of ${length ?? 0} bytes at ${offset ?? 0}`]
  const words = [...what, ...life]
  return `${words.length > 0 ? words.join(', ') : (chain.at(-1)?.type ?? '')}, position ${position ?? 0}`
}
