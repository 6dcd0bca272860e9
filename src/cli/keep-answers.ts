import { constants, lstatSync } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { replaceUnchanged } from "../disk/durable-file.ts";
import { answerLines, withAnswers } from "../document/answers.ts";
import { decode } from "../document/encoding.ts";
import { loadInventory } from "../document/load.ts";
import { PawlError } from "../domain/errors.ts";
import type { Answer } from "../domain/question.ts";
import type { Cluster } from "./cluster.ts";

/** How often a file that others change at the same time is tried. */
const TRIES = 20;

const MARK = "\uFEFF";

/** Why the inventory cannot be replaced by a changed one; null where it can. */
async function whyNot(file: string): Promise<string | null> {
  const found = lstatSync(file);
  if (found.isSymbolicLink()) return "it is a link: what it leads to would stay as it is";
  if (!found.isFile()) return "it is no plain file";
  if (found.nlink > 1) return "it has another name as well (a hard link), which would keep the old text";
  if ((found.mode & 0o222) === 0) return "it is read-only";
  const may = (path: string, mode: number): Promise<boolean> =>
    access(path, mode).then(
      () => true,
      () => false,
    );
  if (!(await may(file, constants.W_OK))) return "this user may not write it";
  return (await may(dirname(file), constants.W_OK)) ? null : "this user may not write in its folder";
}

/** Throws PawlError refused where an inventory cannot take answers: before anybody is asked for one, or with the lines to add by hand. */
export async function needWritable(file: string, answers: readonly Answer[]): Promise<void> {
  const why = await whyNot(file);
  if (why === null) return;
  throw new PawlError("refused", "inventory.not-writable", `${file} cannot be changed: ${why}`, {
    expected: "an inventory that can be written, because answers are kept in it",
    observed: why,
    evidence: [file],
    next:
      answers.length === 0
        ? "Add `answers` to it by hand (pawl questions shows what is asked)."
        : `Add by hand:\n${answerLines(answers)}`,
  });
}

/**
 * Keeps answers in an inventory file. It is whole at every moment, keeps its comments, layout, mode and owner, and is valid
 * afterwards. Throws PawlError refused, with the lines to add by hand, where it cannot be changed.
 */
export async function keepAnswers(file: string, answers: readonly Answer[]): Promise<void> {
  await needWritable(file, answers);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const bytes = await readFile(file);
    const { text, unreadable } = decode(file, bytes);
    if (unreadable !== undefined)
      throw new PawlError("invalid-document", "document.invalid", `${file}: ${unreadable.message}`, {
        next: `pawl lint ${file}`,
      });
    const mark = bytes.toString("utf8").startsWith(MARK) ? MARK : "";
    if (await replaceUnchanged(file, `${mark}${withAnswers(file, text, answers)}`, bytes)) return;
  }
  throw new PawlError("step-failed", "inventory.changing", `${file} is changed by somebody else all the time`, {
    expected: "an inventory that is not being written",
    next: `Try again, or add by hand:\n${answerLines(answers)}`,
  });
}

/**
 * The answers as the inventory holds them now: they may have been given after the cluster was opened, here or in another terminal.
 * Where the file cannot be read any more, those it held when it was opened.
 */
export async function answersNow(cluster: Pick<Cluster, "inventory">): Promise<readonly Answer[]> {
  const { document, file } = cluster.inventory;
  try {
    return (await loadInventory(file)).document.answers ?? [];
  } catch (error) {
    if (!(error instanceof PawlError)) throw error;
    return document.answers ?? [];
  }
}
