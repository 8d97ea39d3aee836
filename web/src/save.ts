/** save gives a text to the browser as a file. */
export function save(name: string, type: string, content: BlobPart): void {
  const at = URL.createObjectURL(new Blob([content], { type }));
  const a = document.createElement('a');
  a.href = at;
  a.download = name;
  a.click();
  URL.revokeObjectURL(at);
}
