import process from 'node:process';

process.env.LONGHAUL_NATIVE = 'addon';
