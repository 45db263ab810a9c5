// fio, the yardstick: on the same devices, in the same run.
import { execFile, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface FioSettings {
  readonly job: 'uring' | 'psync'
  readonly device: string
  readonly rw: 'randread' | 'randwrite'
  readonly depth: number
  readonly milliseconds: number
}

/** Runs a job file and answers its IOPS. */
export async function fioIops({ job, device, rw, depth, milliseconds }: FioSettings): Promise<number> {
  const env = {
    ...process.env,
    DEVICE: device,
    RW: rw,
    DEPTH: String(depth),
    RUNTIME: `${milliseconds}ms`,
  }
  const file = join(import.meta.dirname, `${job}.fio`)
  const { stdout } = await promisify(execFile)('fio', ['--output-format=json', file], {
    env,
    maxBuffer: 64 * 1024 * 1024,
  })
  const output = JSON.parse(stdout.slice(stdout.indexOf('{'))) as FioOutput
  const result = output.jobs[0]?.[rw === 'randread' ? 'read' : 'write']
  if (result === undefined || result.iops === 0) throw new Error(`fio did nothing: ${stdout.slice(0, 500)}`)
  return result.iops
}

interface FioOutput {
  readonly jobs: readonly { readonly read: { iops: number }; readonly write: { iops: number } }[]
}

/** Its version; installs it from the distribution where it is not there. */
export function ensureFio(): string {
  const found = fioVersion()
  if (found !== null) return found
  console.error('fio is not installed: apt-get install -y fio')
  spawnSync('apt-get', ['install', '-y', 'fio'], { stdio: ['ignore', 2, 2] })
  const installed = fioVersion()
  if (installed === null)
    throw new Error('fio is not there and cannot be installed; install it and try again')
  return installed
}

function fioVersion(): string | null {
  const { status, stdout } = spawnSync('fio', ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : null
}
