// A night on a host that never was, as lines of any form: one adapter port loses its link and two paths go with it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LOG_FILES } from '../../adapters/sources/files.ts'
import { printedHistory } from '../../foreign/answers/index.ts'
import { readHistory, type History, type ReadSettings } from '../../foreign/read.ts'

export interface Said {
  readonly us: number
  readonly program: string
  readonly text: string
}

export const START_US = 1_783_238_400_000_000
const SECOND_US = 1_000_000

export function kernel(second: number, text: string): Said {
  return { us: START_US + Math.round(second * SECOND_US), program: 'kernel', text }
}

export function multipathd(second: number, text: string): Said {
  return { us: START_US + Math.round(second * SECOND_US), program: 'multipathd', text }
}

function fails(second: number, dev: string, hctl: string, devt: string, left: number): Said[] {
  return [
    kernel(
      second,
      `sd ${hctl}: [${dev}] tag#7 FAILED Result: hostbyte=DID_TRANSPORT_FAILFAST driverbyte=DRIVER_OK cmd_age=5s`,
    ),
    kernel(second, `sd ${hctl}: [${dev}] tag#7 CDB: Write(10) 2a 00 00 00 08 00 00 00 08 00`),
    kernel(
      second,
      `blk_update_request: recoverable transport error, dev ${dev}, sector 2048 op 0x1:(WRITE) flags 0x4200 phys_seg 1 prio class 0`,
    ),
    kernel(second + 0.1, `device-mapper: multipath: 253:4: Failing path ${devt}.`),
    multipathd(second + 0.2, `${dev}: mark as failed`),
    multipathd(second + 0.2, `mpathq: remaining active paths: ${left}`),
  ]
}

function returns(second: number, dev: string, devt: string, active: number): Said[] {
  return [
    multipathd(second, `mpathq: ${dev} - tur checker reports path is up`),
    kernel(second, `device-mapper: multipath: 253:4: Reinstating path ${devt}.`),
    multipathd(second, `${devt}: reinstated`),
    multipathd(second, `mpathq: remaining active paths: ${active}`),
  ]
}

/** Both paths are lost for some seconds, and the map is dark while they are. */
export const NIGHT: readonly Said[] = [
  multipathd(
    0,
    'mpathq: load table [0 2097152 multipath 1 queue_if_no_path 1 alua 1 1 service-time 0 2 1 8:16 1 8:32 1]',
  ),
  { us: START_US + SECOND_US, program: 'crond', text: '(root) CMD (/usr/bin/true)' },
  kernel(10, 'qla2xxx [0000:0b:00.0]-500b:1: LOOP DOWN detected (2 7 0 0).'),
  ...fails(15, 'sdb', '1:0:0:5', '8:16', 1),
  ...fails(17, 'sdc', '1:0:1:5', '8:32', 0),
  multipathd(20, 'mpathq: sdb - tur checker reports path is down'),
  multipathd(20, 'mpathq: sdc - tur checker reports path is down'),
  multipathd(21, 'mpathq: this wording nobody has seen'),
  kernel(40, 'qla2xxx [0000:0b:00.0]-500a:1: LOOP UP detected (8 Gbps).'),
  ...returns(45, 'sdb', '8:16', 1),
  ...returns(47, 'sdc', '8:32', 2),
  { us: START_US + 60 * SECOND_US, program: 'crond', text: '(root) CMD (/usr/bin/false)' },
]

function iso(us: number): string {
  return `${new Date(us / 1000).toISOString().slice(0, 19)}.${String(us % SECOND_US).padStart(6, '0')}+0000`
}

function label(program: string): string {
  return program === 'kernel' ? 'kernel' : `${program}[411]`
}

/** The lines as `journalctl -o short-iso-precise` has them. */
export function shortIso(said: readonly Said[]): string[] {
  return said.map(({ us, program, text }) => `${iso(us)} aspen ${label(program)}: ${text}`)
}

function entry({ us, program, text }: Said, index: number): Record<string, string> {
  return {
    __CURSOR: `s=1;i=${index}`,
    __REALTIME_TIMESTAMP: String(us),
    __MONOTONIC_TIMESTAMP: String(us - START_US + 5 * SECOND_US),
    _BOOT_ID: 'b'.repeat(32),
    _HOSTNAME: 'aspen',
    SYSLOG_IDENTIFIER: program,
    _TRANSPORT: program === 'kernel' ? 'kernel' : 'stdout',
    MESSAGE: text,
  }
}

export function journalJson(said: readonly Said[]): string[] {
  return said.map((one, index) => JSON.stringify(entry(one, index)))
}

export function journalPretty(said: readonly Said[]): string[] {
  return said.flatMap((one, index) => JSON.stringify(entry(one, index), null, '\t').split('\n'))
}

export function journalExport(said: readonly Said[]): string[] {
  return said.flatMap((one, index) => [
    ...Object.entries(entry(one, index)).map(([key, value]) => `${key}=${value}`),
    '',
  ])
}

/** A file of the old syslog form: no year, no zone, whole seconds. */
export function syslog(said: readonly Said[]): string[] {
  return said.map(({ us, program, text }) => {
    const words = new Date(Math.floor(us / SECOND_US) * 1000).toUTCString().split(' ')
    const [, day = '', month = '', , time = ''] = words
    return `${month} ${String(Number(day)).padStart(2)} ${time} aspen ${label(program)}: ${text}`
  })
}

export const REACH = LOG_FILES

/** Reads files that are made for it. */
export async function readFiles(
  files: Readonly<Record<string, string | Buffer>>,
  settings: ReadSettings = {},
): Promise<History> {
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-foreign-'))
  try {
    const paths = Object.entries(files).map(([name, content]) => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    })
    return await readHistory(REACH, paths, settings)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export interface Told {
  readonly facts: {
    at: unknown
    what: string
    subject: Record<string, unknown>
    detail: Record<string, unknown> | null
    cause: number | null
    rule: string | null
    lines: [string, number][]
  }[]
  readonly answers: Record<string, unknown>
  readonly notKnown: string[]
  readonly unread: [string, number][]
  readonly counts: Record<string, number>
  readonly explain: string
}

/** What is told of files that are made for it. */
export async function tell(
  files: Readonly<Record<string, string | Buffer>>,
  settings: ReadSettings = {},
): Promise<Told> {
  return printedHistory(await readFiles(files, settings)) as unknown as Told
}

/** Facts without where they stand: what must be equal however the lines are kept. */
export function plainFacts({ facts }: Told): unknown[] {
  return facts.map(({ lines: _lines, ...rest }) => rest)
}
