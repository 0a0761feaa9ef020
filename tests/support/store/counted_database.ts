import { DatabaseSync, type StatementSync } from "node:sqlite";

/** A database that counts its statements. */
export class CountedDatabase {
  /** The executed statements, including repetitions. */
  readonly run: string[] = [];
  /** Other executed SQL, such as transactions. */
  readonly executed: string[] = [];

  readonly open = (path: string): DatabaseSync => {
    const database = new DatabaseSync(path);
    const prepare = database.prepare.bind(database);
    const exec = database.exec.bind(database);
    database.prepare = (sql: string) => this.#counted(sql, prepare(sql));
    database.exec = (sql: string) => {
      this.executed.push(sql);
      exec(sql);
    };
    return database;
  };

  /** Statements about files. */
  get aboutFiles(): string[] {
    return this.run.filter((sql) => /\bfiles\b/.test(sql));
  }

  forget(): void {
    this.run.length = this.executed.length = 0;
  }

  #counted(sql: string, statement: StatementSync): StatementSync {
    for (const way of ["all", "run", "get"] as const) {
      const original = statement[way].bind(statement) as (...values: unknown[]) => unknown;
      Object.assign(statement, {
        [way]: (...values: unknown[]) => {
          this.run.push(sql);
          return original(...values);
        },
      });
    }
    return statement;
  }
}
