import { Module } from '@nestjs/common';
import { DesiredStateCompiler } from './desired-state-compiler.js';

@Module({ providers: [DesiredStateCompiler], exports: [DesiredStateCompiler] })
export class CompilerModule {}
