// One readable line per event: what happened, in words, and what it came to.
import type { Decision } from '../../machines/decision.ts'
import type { Evidence } from '../../machines/events.ts'
import type { StateValue } from '../../machines/step.ts'
import type { StoredEvent } from '../../store/types.ts'
import { isoOf } from '../moment.ts'
import type { NameOf } from '../names.ts'
import { bytes, counted, duration, figure, inOneLine, parseObject } from '../text.ts'
import type { Paint } from '../text.ts'
import { observationWords } from './observed.ts'

// The shape of a payload is its schema's business (machines/*-events.ts); an event that looks otherwise, on a ledger that
// somebody changed, must still be printed.
/** Version of every payload that was observed and not decided. */
const OBSERVED_SCHEMA = 100

type Data = Readonly<Record<string, unknown>>

/** The line of one event, without its end. */
export function describeEvent(event: StoredEvent, nameOf: NameOf, paint: Paint): string {
  const data = parseObject(event.data)
  const decision = parseObject(event.decision) as Partial<Decision>
  const words = event.schema === OBSERVED_SCHEMA ? observationWords : (WORDS[event.type] ?? plainWords)
  const parts = [
    String(event.position).padStart(6),
    paint.dim(isoOf(event.recordedAtUs)),
    paint.bold(nameOf(event.stream, event.position).padEnd(8)),
    colourOf(event.type, paint)(event.type.padEnd(20)),
    oneLine(words(data)),
    decision.refused === true ? paint.bad('REFUSED') : '',
    decision.state === undefined ? '' : paint.dim(`-> ${stateWords(decision.state)}`),
    event.cause === null ? '' : paint.dim(`<- ${event.cause}`),
    event.actor === 'engine' ? '' : oneLine(`by ${event.actor}`),
    event.reason === null ? '' : oneLine(`"${event.reason}"`),
  ]
  return inOneLine(parts.filter((part) => part !== '').join('  '))
}

/** 'running/optimal/failed/enabled'. */
export function stateWords(value: StateValue): string {
  return typeof value === 'string' ? value : Object.values(value).join('/')
}

/** 'write of 4 KiB at 81920: EIO (IOERR)'. */
export function describeEvidence(evidence: Evidence | null): string {
  if (evidence === null || typeof evidence !== 'object') return ''
  const { op, offset, length, errno, status } = evidence
  const where = op === 'flush' ? '' : ` of ${bytes(length)} at ${offset}`
  return `${op}${where}: ${errno ?? 'no errno'} (${status})`
}

const WORDS: Readonly<Record<string, (data: Data) => string>> = {
  'ledger.header': ({ format, engine }) => `format ${text(format)}, pathledger ${text(engine)}`,
  'engine.started': ({ multipath, unclean, pid }) =>
    `multipath ${text(multipath)}, pid ${text(pid)}${unclean === true ? ', after an unclean end' : ''}`,
  'path.added': ({ hctl, kind, device, sizeBytes, access }) =>
    `${text(hctl)} ${text(kind)} ${text(device)}, ${bytes(number(sizeBytes))}, ${text(access)}`,
  'path.returned': ({ hctl, device, changed }) =>
    `${text(hctl)} is ${text(device)} again${Array.isArray(changed) && changed.length > 0 ? `, ${changed.map(String).join(', ')}` : ''}`,
  'path.suspected': (data) => describeEvidence(data as unknown as Evidence),
  'path.cleared': ({ errors, bios, resent }) =>
    `its probe answered; ${counted(number(errors), 'error')} of ${counted(number(bios), 'bio')}, ${figure(number(resent))} re-sent`,
  'path.failed': ({ first, verdict, detail, errors, resent }) =>
    `${describeEvidence(first as Evidence | null)}; by ${text(verdict)}${detail === null ? '' : ` (${text(detail)})`}; ` +
    `${counted(number(errors), 'error')}, ${figure(number(resent))} re-sent`,
  'path.episodeEnded': ({ errors, bios, resent, firstUs, lastUs }) =>
    `${counted(number(errors), 'error')} of ${counted(number(bios), 'bio')} in ${duration(number(lastUs) - number(firstUs))}, ` +
    `${figure(number(resent))} re-sent`,
  'path.probeFailed': ({ errno, detail }) =>
    [errno, detail].map((part) => (part === null ? '' : text(part))).join(' '),
  'path.probeSucceeded': ({ reads }) => `${counted(number(reads), 'read')} answered: reinstated`,
  'path.ioSampled': sampled,
  'head.ioSampled': sampled,
  'head.ioTraced': ({ bio, op, length, offset, tookUs, status, attempts }) =>
    `I/O ${text(bio)}, ${text(op)} of ${bytes(number(length))} at ${text(offset)}: ${text(status)} after ` +
    `${duration(number(tookUs))}, ${counted(Array.isArray(attempts) ? attempts.length : 0, 'attempt')}`,
  'head.ioParked': ({ bio, op, length, offset }) =>
    `I/O ${text(bio)}, ${text(op)} of ${bytes(number(length))} at ${text(offset)} waits for a path`,
  'head.created': ({ wwid, sizeBytes, iopolicy, noPathRetry }) =>
    `${text(wwid)}, ${bytes(number(sizeBytes))}, ${text(iopolicy)}, noPathRetry ${text(noPathRetry)}`,
  'head.recovered': ({ lost, why }) => `${text(why)}; ${counted(number(lost), 'path')} to be attached again`,
  'head.lostPathsChanged': ({ paths, usable, lost }) =>
    `${text(usable)} of ${counted(number(paths), 'path')} usable, ${text(lost)} still lost`,
  'head.resized': ({ fromBytes, toBytes }) => `from ${bytes(number(fromBytes))} to ${bytes(number(toBytes))}`,
  'head.shrinkRefused': ({ path, toBytes }) => `${text(path)} has ${bytes(number(toBytes))} now`,
  'head.pathsChanged': ({ paths, usable, optimized }) =>
    `${text(usable)} of ${counted(number(paths), 'path')} usable, ${text(optimized)} optimized`,
  'lun.bioPoisoned': ({ evidence, paths }) =>
    `${describeEvidence(evidence as Evidence | null)}, refused by ${Array.isArray(paths) ? paths.join(' and ') : ''}`,
  'lun.ghostsOpened': ({ path, reason, ghosts }) =>
    `${counted(Array.isArray(ghosts) ? ghosts.length : 0, 'attempt')} on ${text(path)} may still land (${text(reason)})`,
  'lun.ghostsEnded': ({ ids, proof, detail }) =>
    `${counted(Array.isArray(ids) ? ids.length : 0, 'attempt')} over, by ${text(proof)}${detail === null ? '' : `: ${text(detail)}`}`,
  'lun.flushFailed': ({ path, evidence }) =>
    `${describeEvidence(evidence as Evidence | null)} on ${text(path)}`,
  'lun.writesLeft': ({ path }) => `${text(path)} goes with writes that no flush has covered`,
  'lun.writesCovered': ({ path }) => `${text(path)} was flushed as it went`,
  'lun.flushFellShort': ({ path, why }) => `cannot reach what ${text(path)} acknowledged: ${text(why)}`,
  'lun.ioFailed': ({ path, evidence }) => `${describeEvidence(evidence as Evidence | null)} on ${text(path)}`,
}

function sampled({ reads, writes, flushes, errors, resent, requeued }: Data): string {
  const counts = { reads, writes, flushes, errors, requeued, 're-sent': resent }
  return Object.entries(counts)
    .filter(([, value]) => typeof value === 'number' && value > 0)
    .map(([name, value]) => `${figure(number(value))} ${name}`)
    .join(', ')
}

function plainWords(data: Data): string {
  return Object.entries(data)
    .map(([key, value]) => (key === 'why' ? text(value) : `${key} ${text(value)}`))
    .join(', ')
}

function colourOf(type: string, { good, warn, bad }: Paint): (text: string) => string {
  if (/\.(failed|broke|bioPoisoned|flushFailed|flushFellShort|ioFailed|pathRefused|probeFailed)$/.test(type))
    return bad
  if (/\.(suspected|disabled|blocked|removed|ledgerDegraded)$/.test(type)) return warn
  return /\.(probeSucceeded|cleared|enabled|published|added)$/.test(type) ? good : (plain) => plain
}

const WORDS_MAX = 240

/** What others wrote, on one line that is not too long. */
export function oneLine(words: string): string {
  const plain = inOneLine(words)
  return plain.length > WORDS_MAX ? `${plain.slice(0, WORDS_MAX)}...` : plain
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
