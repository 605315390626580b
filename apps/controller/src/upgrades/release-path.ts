/** Of the controller's state folder, where the files of agents' releases are. */
export const RELEASES_FOLDER = 'releases';

const FILE_NAME = /^[0-9a-f]{64}\.tar\.gz$/;

/** What the file of a release is called: by its hash, hexadecimal. */
export const releaseFileName = (sha256: string): string => `${sha256}.tar.gz`;

/** Whether a file of that folder is a release that is there whole; others are on their way. */
export const isReleaseFileName = (name: string): boolean => FILE_NAME.test(name);
