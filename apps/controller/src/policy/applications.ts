import type { PortRange } from '@longhaul/contracts';

/** An application that rules can name instead of its ports. */
export interface Application {
  /** What a rule says. */
  readonly name: string;
  /** What people read. */
  readonly title: string;
  readonly ports: readonly PortRange[];
}

const port = (...ports: number[]): PortRange[] => ports.map((number) => ({ from: number, to: number }));

/** Names never change their meaning for a stored revision: a change of ports is a change of every policy that names it. */
export const APPLICATIONS: readonly Application[] = [
  { name: 'hyper-v-live-migration', title: 'Hyper-V live migration', ports: port(6600) },
  { name: 'vmware-vmotion', title: 'VMware vMotion', ports: port(8000) },
  { name: 'qemu-migration', title: 'QEMU/KVM migration (libvirt)', ports: [{ from: 49152, to: 49215 }] },
  { name: 'smb', title: 'SMB file sharing, Hyper-V Replica over SMB', ports: port(445) },
  { name: 'iscsi', title: 'iSCSI', ports: port(3260) },
  { name: 'nfs', title: 'NFS', ports: port(2049) },
  { name: 'ssh', title: 'SSH, SFTP, rsync over SSH', ports: port(22) },
  { name: 'rsync', title: 'rsync daemon', ports: port(873) },
  { name: 'ftp', title: 'FTP control and active data', ports: port(20, 21) },
  { name: 'http', title: 'HTTP', ports: port(80, 8080) },
  { name: 'https', title: 'HTTPS', ports: port(443, 8443) },
  { name: 'drbd', title: 'DRBD replication', ports: [{ from: 7788, to: 7799 }] },
  { name: 'veeam', title: 'Veeam backup and replication', ports: [{ from: 2500, to: 3300 }] },
  { name: 'zerto', title: 'Zerto replication', ports: port(4007, 4008) },
  { name: 'postgresql', title: 'PostgreSQL and its replication', ports: port(5432) },
  { name: 'mysql', title: 'MySQL and its replication', ports: port(3306) },
  { name: 'sql-server', title: 'Microsoft SQL Server', ports: port(1433) },
];

export const findApplication = (name: string): Application | undefined =>
  APPLICATIONS.find((application) => application.name === name);
