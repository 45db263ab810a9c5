// One path with a real fault switch: nbdkit over the image, nbdfuse over nbdkit, and a loop device over the file of nbdfuse.
// HANG is SIGSTOP of nbdkit, DEAD is SIGKILL of it, GONE is SIGKILL of nbdfuse. Only processes started here are signalled.
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { attachLoop } from '../../../adapters/paths/loops.ts'
import type { AttachedLoop } from '../../../adapters/paths/loops.ts'
import { freeze } from '../freeze.ts'

const TOOLS: Readonly<Record<string, string>> = {
  nbdkit: 'nbdkit',
  nbdfuse: 'libnbd-bin',
  fusermount: 'fuse3',
  losetup: 'util-linux',
  ss: 'iproute2',
}

const POLL_MS = 10
const WAIT_MS = 20_000

/** Waits until something holds; fails with its name when it does not within a bound. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  boundMs = WAIT_MS,
): Promise<void> {
  const end = performance.now() + boundMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${boundMs} ms in vain until ${what}`)
    await sleep(POLL_MS)
  }
}

/** Throws, with what to install, where the machine lacks something. */
export function requireTools(): void {
  if (process.getuid?.() !== 0) throw new Error('run this as root: it attaches loop devices and mounts FUSE')
  const folders = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`.split(':')
  const missing = Object.keys(TOOLS).filter((tool) => !folders.some((folder) => isThere(join(folder, tool))))
  if (missing.length === 0) return
  const packages = missing.map((tool) => TOOLS[tool]).join(' ')
  throw new Error(`${missing.join(', ')} missing: apt-get install ${packages}`)
}

/** Ends a process of ours and waits for its death. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

export interface ServedSettings {
  /** Folder for the socket, the mount and the log. */
  readonly folder: string
  readonly name: string
  readonly wwid: string
  /** nbdkit's plugin with its parameters; default: its file plugin over `image`. */
  readonly plugin: readonly string[]
  /** Whether nbdkit writes down each request; off under load. */
  readonly logged: boolean
}

export class ServedPath {
  readonly name: string
  readonly settings: ServedSettings
  readonly #server: ChildProcess
  #fuse: ChildProcess | null = null

  private constructor(settings: ServedSettings, server: ChildProcess) {
    this.name = settings.name
    this.settings = settings
    this.#server = server
  }

  static async start(settings: ServedSettings): Promise<ServedPath> {
    const { folder, name, plugin, logged } = settings
    const socket = join(folder, `${name}.sock`)
    const mount = join(folder, name)
    // There from the server before it, when this one takes its place.
    mkdirSync(mount, { recursive: true })
    rmSync(socket, { force: true })
    const log = logged ? ['--filter=log'] : []
    const server = spawn(
      'nbdkit',
      [
        ...['-f', '--exit-with-parent', '-U', socket, '--filter=error', ...log, ...plugin],
        ...[`error-file=${join(folder, `${name}.fail`)}`, 'error-rate=100%'],
        ...(logged ? [`logfile=${join(folder, `${name}.log`)}`] : []),
      ],
      { stdio: 'ignore' },
    )
    const path = new ServedPath(settings, server)
    try {
      await until(`nbdkit listens for ${name}`, () =>
        readFileSync('/proc/net/unix', 'latin1').includes(socket),
      )
      path.#fuse = spawn('nbdfuse', [mount, `nbd+unix:///?socket=${socket}`], { stdio: 'ignore' })
      await until(`nbdfuse mounts ${name}`, () => isMounted(mount))
      return path
    } catch (error) {
      await path.cleanUp()
      throw error
    }
  }

  get #folder(): string {
    return this.settings.folder
  }

  /** The process to kill in a fence. */
  get serverPid(): number {
    return this.#server.pid ?? -1
  }

  /** Attaches a loop device, which goes with its last close. */
  attach(): Promise<AttachedLoop> {
    return attachLoop({ image: join(this.#folder, this.name, 'nbd'), wwid: this.settings.wwid })
  }

  /** HANG: the server stops; what it has, and what comes, waits. */
  hang(): void {
    freeze(this.serverPid)
  }

  /** The server wakes up, and late writes land. */
  resume(): void {
    this.#server.kill('SIGCONT')
  }

  /** DEAD: the server is killed; EIO from now on, and nothing lands any more. */
  dead(): Promise<void> {
    return end(this.#server)
  }

  /** GONE: nbdfuse is killed, EIO from now on; a stopped server may still hold writes. */
  async gone(): Promise<void> {
    if (this.#fuse !== null) await end(this.#fuse)
  }

  /** EIO by nbdkit's error filter. */
  eio(on: boolean): void {
    const file = join(this.#folder, `${this.name}.fail`)
    if (on) writeFileSync(file, '')
    else rmSync(file, { force: true })
  }

  heal(): void {
    this.eio(false)
  }

  /** Bytes that lie in the sockets of the server: requests it has not read. */
  get pendingBytes(): number {
    const socket = join(this.#folder, `${this.name}.sock`)
    const lines = execFileSync('ss', ['-xnH'], { encoding: 'latin1' }).split('\n')
    return lines
      .map((line) => line.trim().split(/\s+/))
      .filter((words) => words[4] === socket)
      .reduce((sum, words) => sum + Number(words[2]), 0)
  }

  /** Resolves when so many bytes have reached a server that is stopped. */
  async holds(bytes: number): Promise<void> {
    await until(`${bytes} bytes wait at ${this.name}`, () => this.pendingBytes >= bytes)
  }

  /** Requests that the server has answered: 'Write', 'Flush', 'Trim', 'Zero', 'Read'. */
  answered(what: string): number {
    const log = readFileSync(join(this.#folder, `${this.name}.log`), 'latin1')
    return log.split('\n').filter((line) => line.includes(`...${what} `) && line.includes('return=')).length
  }

  /** Undoes everything, hung or not. */
  async cleanUp(): Promise<void> {
    this.#server.kill('SIGCONT')
    await end(this.#server)
    await this.gone()
    const mount = join(this.#folder, this.name)
    if (isMounted(mount)) quietly('fusermount', '-u', '-z', mount)
  }
}

/** Whether a loop device is attached over a file below the folder. */
export function attachedUnder(folder: string): boolean {
  return readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .some((name) => {
      try {
        return readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').startsWith(folder)
      } catch {
        return false
      }
    })
}

function isMounted(mount: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'latin1').includes(` ${mount} `)
}

function isThere(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function quietly(command: string, ...args: string[]): void {
  try {
    execFileSync(command, args, { stdio: 'ignore', timeout: 5000 })
  } catch {
    // It was undone already.
  }
}
