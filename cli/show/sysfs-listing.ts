// The sysfs tree for people: what `ls -l` and `cat` would say in /sys, command by command.
import type { SysfsEntry, SysfsTree } from '../../index.ts'
import { lines } from '../text.ts'

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** Heads with their disks and paths as a transcript of a shell. */
export function describeSysfs({ entries, timeUs }: SysfsTree): string {
  const lister = new Lister(entries, timeUs)
  const places = entries.flatMap(({ path, target }) =>
    target !== undefined && /^\/sys\/class\/scsi_mpath_(device|disk)\/\d+$/.test(path) ? [path] : [],
  )
  if (places.length === 0) return 'No head is there.\n'
  return places
    .map((place) => (place.includes('_device/') ? lister.device(place) : lister.disk(place)))
    .join('\n')
}

class Lister {
  readonly #entries: readonly SysfsEntry[]
  readonly #time: string

  constructor(entries: readonly SysfsEntry[], timeUs: number) {
    this.#entries = entries
    const at = new Date(timeUs / 1000)
    const [day, hour, minute] = [at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes()]
    const clock = [hour, minute].map((part) => String(part).padStart(2, '0')).join(':')
    this.#time = `${MONTHS[at.getUTCMonth()] ?? ''} ${String(day).padStart(2)} ${clock}`
  }

  device(shown: string): string {
    const real = realOf(shown)
    const cats = ['wwid', 'iopolicy'].map((name) => this.#cat(shown, real, name))
    return [this.#ls(shown, real), this.#ls(`${shown}/multipath`, `${real}/multipath`), ...cats].join('')
  }

  disk(shown: string): string {
    const real = realOf(shown)
    const disk = this.#in(real).find(({ path, mode }) => mode === 'drwxr-xr-x' && !path.endsWith('/power'))
    if (disk === undefined) return this.#ls(shown, real)
    const name = nameOf(disk.path)
    const inside = this.#in(disk.path).filter(({ content }) => content !== undefined)
    const links = this.#in(`${disk.path}/multipath`)
    return [
      this.#ls(shown, real),
      this.#ls(`${shown}/${name}/multipath`, `${disk.path}/multipath`),
      ...inside.map(({ path }) => this.#cat(`${shown}/${name}`, disk.path, nameOf(path))),
      ...links.map(({ path }) => this.#hidden(nameOf(path))),
    ].join('')
  }

  /** The files of a hidden disk that only such a disk has. */
  #hidden(name: string): string {
    const real = this.#entries.find(
      ({ path, mode }) => mode === 'drwxr-xr-x' && path.endsWith(`/block/${name}`),
    )?.path
    if (real === undefined) return ''
    const files = ['mpath_dev', 'mpath_numa_nodes', 'mpath_queue_depth']
    return files.map((file) => this.#cat(`/sys/block/${name}`, real, file)).join('')
  }

  #cat(shown: string, real: string, name: string): string {
    const content = this.#entries.find(({ path }) => path === `${real}/${name}`)?.content ?? ''
    return lines([`$ cat ${shown}/${name}`, content.replace(/\n$/, '')])
  }

  #ls(shown: string, real: string): string {
    return lines([`$ ls -l ${shown}/`, 'total 0', ...this.#in(real).map((entry) => this.#line(entry))])
  }

  #line({ path, mode, content, target }: SysfsEntry): string {
    const below = mode === 'drwxr-xr-x' ? this.#in(path).filter((inner) => inner.mode === mode).length + 2 : 1
    const size = content === undefined ? 0 : 4096
    const to = target === undefined ? '' : ` -> ${target}`
    const figures = `${String(below).padStart(5)} root     root     ${String(size).padStart(9)}`
    return `${mode}${figures} ${this.#time} ${nameOf(path)}${to}`
  }

  #in(directory: string): SysfsEntry[] {
    return this.#entries.filter(({ path }) => path.slice(0, path.lastIndexOf('/')) === directory)
  }
}

function realOf(classLink: string): string {
  return classLink.replace('/sys/class/', '/sys/devices/virtual/')
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
