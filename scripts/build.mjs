import {makeReady} from './ready.mjs';

process.exitCode = makeReady() ? 0 : 1;
