/** Where the guest's packages, its file system and the content of its memory are kept. */
export const GUEST_FOLDER = '/var/lib/longhaul/guest';
