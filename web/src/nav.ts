import type { Icon } from './icons';

/** Place is a page that is always one step away. */
export interface Place {
  page: string;
  name: string;
  icon: Icon;
  about: string;
  /** key that leads there, behind g. */
  key?: string;
}

export const nav: Place[] = [
  { page: 'overview', name: 'Overview', icon: 'flag', about: 'How all is, and what needs somebody', key: 'o' },
  { page: 'runs', name: 'Runs', icon: 'runs', about: 'What runs, and what did', key: 'r' },
  { page: 'specs', name: 'Workflows', icon: 'specs', about: 'What runs follow', key: 's' },
  { page: 'tasks', name: 'Tasks', icon: 'tasks', about: 'What workers do', key: 't' },
  { page: 'user-tasks', name: 'User tasks', icon: 'person', about: 'What people are asked', key: 'u' },
];

export const others: Place[] = [
  { page: 'events', name: 'Events', icon: 'mail', about: 'What comes from outside, and what is thrown', key: 'e' },
  { page: 'structs', name: 'Structs', icon: 'nest', about: 'The shapes of values' },
  { page: 'user-task-defs', name: 'Forms', icon: 'person', about: 'What people fill in' },
  { page: 'schedules', name: 'Schedules', icon: 'clock', about: 'What begins by the clock' },
  { page: 'jobs', name: 'Bulk jobs', icon: 'tasks', about: 'What is done to many runs' },
  { page: 'migrations', name: 'Migrations', icon: 'branch', about: 'How runs change their version' },
  { page: 'tenants', name: 'Tenants', icon: 'nest', about: 'Who shares the server' },
  { page: 'principals', name: 'Principals', icon: 'person', about: 'Who may do what' },
  { page: 'quotas', name: 'Quotas', icon: 'flag', about: 'How much may be written' },
  { page: 'cluster', name: 'Cluster', icon: 'eye', about: 'How the server is' },
];
