// The questions of `pathledger audit`: for each the library call that answers it, its options, and its table.
import {
  availability,
  blockPath,
  changes,
  ghosts,
  invariants,
  ioByInterval,
  ioByPath,
  pathHistory,
  reservations,
  timeInState,
  timers,
} from '../../doors/audit.ts'
import { correlated, failovers, flapping, outages } from '../../index.ts'
import type { FileReader } from '../../store/read/reader.ts'
import * as lives from './tables.ts'
import * as records from './records.ts'
import { NIGHT_QUESTIONS } from './nights.ts'
import { question, type Options, type Question } from './question.ts'
import { parseCount, parseDuration, parsePosition, timeOf } from '../moment.ts'
import { findHead, findPath } from '../names.ts'

const byPath = ({ path }: { readonly path: string }) => path
const byStream = ({ stream }: { readonly stream: string }) => stream

export const QUESTIONS: readonly Question[] = [
  question({
    name: 'path-history',
    asks: 'What happened to a path, or to all of them, with the state after each event?',
    example: ['--path sda:0', 'the life of one path'],
    options: ['path', 'from', 'to'],
    rows: (reader, options) => pathHistory(reader, { ...pathOf(reader, options), ...rangeOf(options) }),
    table: lives.historyTable,
    streamOf: byPath,
  }),
  question({
    name: 'failovers',
    asks: 'When did paths fail, on what evidence, and how much I/O was sent again?',
    example: ['--json', 'for a program: {"query","rows"}'],
    options: ['path', 'from', 'to'],
    rows: (reader, options) => failovers(reader, { ...pathOf(reader, options), ...rangeOf(options) }),
    table: lives.failoverTable,
    streamOf: byPath,
  }),
  question({
    name: 'time-in-state',
    asks: 'How long was each path online, marginal, failed or probing, and how long was it usable?',
    example: ['--until -1m', 'up to a minute before the last event'],
    options: ['path', 'until'],
    rows: (reader, options) => timeInState(reader, { ...pathOf(reader, options), ...endOf(reader, options) }),
    table: lives.stateTable,
    streamOf: byPath,
  }),
  question({
    name: 'availability',
    asks: 'How available was each path and head: time up and down, failures, MTBF and MTTR?',
    example: ['--path sda:0', 'of one path'],
    options: ['path', 'head', 'until'],
    rows: (reader, options) => {
      const { path } = pathOf(reader, options)
      const stream = path ?? headOf(reader, options).head
      return availability(reader, { ...(stream === undefined ? {} : { stream }), ...endOf(reader, options) })
    },
    table: lives.availabilityTable,
    streamOf: byStream,
  }),
  question({
    name: 'outages',
    asks: 'When had a head no usable path, for how long, and what waited or failed meanwhile?',
    example: ['--head sda', 'of one head'],
    options: ['head', 'from', 'to'],
    rows: (reader, options) => outages(reader, { ...headOf(reader, options), ...rangeOf(options) }),
    table: lives.outageTable,
    streamOf: ({ head }) => head,
  }),
  question({
    name: 'flapping',
    asks: 'Which paths fail again and again?',
    example: ['--within 10m --failures 5', 'five times or more in ten minutes'],
    options: ['path', 'within', 'failures'],
    rows: (reader, options) =>
      flapping(reader, {
        ...pathOf(reader, options),
        ...windowOf(options),
        ...(options.failures === undefined ? {} : { failures: parseCount(options.failures) }),
      }),
    table: lives.flappingTable,
    streamOf: byPath,
  }),
  question({
    name: 'correlated',
    asks: 'Which paths of one adapter went down together?',
    example: ['--within 10s', 'within ten seconds instead of two'],
    options: ['within'],
    rows: (reader, options) => correlated(reader, windowOf(options)),
    table: lives.correlatedTable,
  }),
  question({
    name: 'io-by-path',
    asks: 'How much I/O went down each path?',
    example: ['--since -5m', 'in the last five minutes'],
    options: ['path', 'since', 'until'],
    rows: (reader, options) => ioByPath(reader, { ...pathOf(reader, options), ...timesOf(reader, options) }),
    table: lives.ioTable,
    streamOf: byPath,
  }),
  question({
    name: 'io-by-interval',
    asks: 'How much I/O went down each path in each interval of time?',
    example: ['--every 10s', 'ten seconds at a time'],
    options: ['path', 'since', 'until', 'every'],
    rows: (reader, options) =>
      ioByInterval(reader, {
        ...pathOf(reader, options),
        ...timesOf(reader, options),
        ...(options.every === undefined ? {} : { intervalUs: parseDuration(options.every) }),
      }),
    table: lives.intervalTable,
    streamOf: byPath,
  }),
  question({
    name: 'block-path',
    asks: 'Which path served this block? Needs traced I/O.',
    example: ['--length 4096 --head sda', 'a range of one head'],
    options: ['offset', 'length', 'head', 'from', 'to'],
    required: ['offset'],
    rows: (reader, options) =>
      blockPath(reader, {
        ...headOf(reader, options),
        ...rangeOf(options),
        offset: parseCount(options.offset ?? '0', 0),
        ...(options.length === undefined ? {} : { length: parseCount(options.length) }),
      }),
    table: records.blockTable,
    streamOf: ({ head }) => head,
  }),
  question({
    name: 'changes',
    asks: 'Who changed what, when and why?',
    example: ['--from 100', 'from a position on'],
    options: ['from', 'to'],
    rows: (reader, options) => changes(reader, rangeOf(options)),
    table: records.changeTable,
    streamOf: byStream,
  }),
  question({
    name: 'timers',
    asks: 'Which timers were armed, and did each fire, was it cancelled, or is it overdue?',
    example: ['--path sda:0', 'of one path'],
    options: ['path', 'head'],
    rows: (reader, options) => {
      const stream = pathOf(reader, options).path ?? headOf(reader, options).head
      return timers(reader, stream === undefined ? {} : { stream })
    },
    table: records.timerTable,
    streamOf: byStream,
  }),
  question({
    name: 'ghosts',
    asks: 'Which attempts ended without proof that they were over, and how did each of them end?',
    example: ['--json', 'for a program'],
    options: ['head'],
    rows: (reader, options) => {
      const { head } = headOf(reader, options)
      return ghosts(reader, head === undefined ? {} : { lun: head.replace(/^head\//, 'lun/') })
    },
    table: records.ghostTable,
    streamOf: ({ lun }) => lun,
  }),
  question({
    name: 'reservations',
    asks: 'What happened to the persistent reservations of a logical unit?',
    example: null,
    options: ['from', 'to'],
    rows: (reader, options) => reservations(reader, rangeOf(options)),
    table: records.reservationTable,
    streamOf: byStream,
  }),
  question({
    name: 'invariants',
    asks: 'Did everything hold, over the whole history, that must always hold? Exits with 5 where not.',
    example: ['--json', 'for a program'],
    options: [],
    rows: (reader) => invariants(reader),
    table: records.invariantTable,
    isBad: ({ violated }) => violated > 0,
  }),
  ...NIGHT_QUESTIONS,
]

function pathOf(reader: FileReader, { path }: Options): { readonly path?: string } {
  return path === undefined ? {} : { path: findPath(reader, path) }
}

function headOf(reader: FileReader, { head }: Options): { readonly head?: string } {
  return head === undefined ? {} : { head: findHead(reader, head) }
}

function rangeOf({ from, to }: Options): { readonly fromPosition?: number; readonly toPosition?: number } {
  return {
    ...(from === undefined ? {} : { fromPosition: parsePosition(from) }),
    ...(to === undefined ? {} : { toPosition: parsePosition(to) }),
  }
}

function timesOf(
  reader: FileReader,
  { since, until }: Options,
): { readonly fromUs?: number; readonly toUs?: number } {
  return {
    ...(since === undefined ? {} : { fromUs: timeOf(reader, since) }),
    ...(until === undefined ? {} : { toUs: timeOf(reader, until) }),
  }
}

function endOf(reader: FileReader, { until }: Options): { readonly endUs?: number } {
  return until === undefined ? {} : { endUs: timeOf(reader, until) }
}

function windowOf({ within }: Options): { readonly windowUs?: number } {
  return within === undefined ? {} : { windowUs: parseDuration(within) }
}
