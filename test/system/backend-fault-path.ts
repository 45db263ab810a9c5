// A loop device with a real fault switch: over a file of nbdfuse, over nbdkit. HANG is SIGSTOP of the server, DEAD is SIGKILL
// of it. Only processes started here are ever signalled.
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freeze } from './freeze.ts'

/** One such device. */
export interface FaultPath {
  readonly device: string
  /** Stops the server: reads, writes and flushes hang. */
  hang(): void
  /** Stops the FUSE daemon: so does whatever asks about the file. */
  freeze(): void
  wake(): void
  /** Kills the server and waits for its death. */
  kill(): Promise<void>
  /** Undoes everything, hung or not. */
  cleanUp(): Promise<void>
}

/** Makes a device over `image`, with its socket and mount in `directory`. */
export async function makeFaultPath(directory: string, name: string, image: string): Promise<FaultPath> {
  const socket = join(directory, `${name}.sock`)
  const mount = join(directory, name)
  mkdirSync(mount)
  const server = spawn('nbdkit', ['-f', '-U', socket, 'file', image], { stdio: 'ignore' })
  const fuse = { process: null as ChildProcess | null }
  let device: string | null = null
  const wake = (): void => {
    server.kill('SIGCONT')
    fuse.process?.kill('SIGCONT')
  }
  const cleanUp = async (): Promise<void> => {
    // A woken server lets everything that hangs on it end, so that nothing below waits for long.
    wake()
    if (device !== null) attempt('losetup', '--detach', device)
    await sleep(100)
    await end(server)
    if (fuse.process !== null) await end(fuse.process)
    attempt('fusermount', '-u', '-z', mount)
    if (device !== null) attempt('losetup', '--detach', device)
  }
  try {
    await until(() => readFileSync('/proc/net/unix', 'latin1').includes(socket), 'nbdkit listens')
    fuse.process = spawn('nbdfuse', [mount, `nbd+unix:///?socket=${socket}`], { stdio: 'ignore' })
    await until(() => readFileSync('/proc/self/mountinfo', 'latin1').includes(` ${mount} `), 'nbdfuse mounts')
    device = execFileSync('losetup', ['--find', '--show', '--direct-io=on', join(mount, 'nbd')], {
      encoding: 'latin1',
    }).trim()
  } catch (error) {
    await cleanUp()
    throw error
  }
  return {
    device,
    hang: () => {
      stop(server)
    },
    freeze: () => {
      stop(fuse.process)
    },
    wake,
    kill: () => end(server),
    cleanUp,
  }
}

function stop(process: ChildProcess | null): void {
  if (process?.pid !== undefined) freeze(process.pid)
}

/** Ends a process of ours and waits for its death. */
export async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  const ended = new Promise((resolve) => process.once('exit', resolve))
  process.kill('SIGKILL')
  await ended
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (holds()) return
    await sleep(50)
  }
  throw new Error(`waited in vain until ${what}`)
}

function attempt(command: string, ...args: string[]): void {
  try {
    execFileSync(command, args, { stdio: 'ignore', timeout: 5000 })
  } catch {
    // It was undone already, or never done.
  }
}
