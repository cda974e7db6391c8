/** Which kind of output a command prints. */
import { InputKind } from '../evidence/evidence.js';

/** Longest command that is looked at. */
const MAX_COMMAND = 400;

/** The first match counts. */
const COMMANDS: readonly (readonly [pattern: RegExp, kind: InputKind])[] = [
  [/\bip(?:\s+-n(?:etns)?\s+[^\s-]\S*|\s+-\S+)*\s+x(?:frm)?\s+s/, InputKind.XfrmState],
  [/\bip(?:\s+-n(?:etns)?\s+[^\s-]\S*|\s+-\S+)*\s+x(?:frm)?\s+p/, InputKind.XfrmPolicy],
  [/\bxfrm_stat\b/, InputKind.XfrmStat],
  [/\bbridge(?:\s+-n(?:etns)?\s+[^\s-]\S*|\s+-\S+)*\s+f(?:db)?\b/, InputKind.Fdb],
  [/\bip(?:\s+-n(?:etns)?\s+[^\s-]\S*|\s+-\S+)*\s+n(?:eigh(?:bou?r)?)?\b/, InputKind.Neighbours],
  [/\bip(?:\s+-n(?:etns)?\s+[^\s-]\S*|\s+-\S+)*\s+(?:l(?:ink)?|a(?:ddr(?:ess)?)?)\b/, InputKind.Link],
  [/\bethtool\b.*\s(?:-k|--show-features|--show-offload)\b/, InputKind.Offloads],
  [/\bip6?tables(?:-legacy|-nft)?(?:-save\b|\b.*\s(?:-[nvx]*[LS]|--list))|\bnft\b.*\blist\b/, InputKind.Firewall],
  [/\bconntrack\b.*\s(?:-L|--dump)|\bnf_conntrack$|\bip_conntrack$/, InputKind.Conntrack],
  [/\bipvsadm\b/, InputKind.Ipvs],
  [/\bdocker\s+network\s+inspect\b/, InputKind.Networks],
  [/\bdocker\s+service\s+inspect\b/, InputKind.Services],
  [/\bdocker\s+(?:system\s+)?info\b|\bdocker\s+version\b/, InputKind.Engine],
  [/\bjournalctl\b|\bdmesg\b|\bdocker\.log\b|\bsyslog\b/, InputKind.Log],
  [/\bvtep\s+status\b/, InputKind.Status],
  [/\/jsz\b/, InputKind.JetStream],
];

/** The kind of output of a command; undefined if doctor doesn't take it, or only in part, as in `ip xfrm monitor`. */
export function kindOfCommand(command: string): InputKind | undefined {
  const text = command.slice(0, MAX_COMMAND);
  return COMMANDS.find(([pattern]) => pattern.test(text))?.[1];
}

/** Namespace that a command enters: `ip netns exec NAME`, `ip -n NAME`, `nsenter --net=PATH`; undefined if none. */
export function namespaceOfCommand(command: string): string | undefined {
  const text = command.slice(0, MAX_COMMAND);
  const match =
    /\bip netns exec (\S{1,128})/.exec(text) ??
    /\b(?:ip|bridge|tc)(?: -[a-z]+)* -n(?:etns)? (\S{1,128})/.exec(text) ??
    /\bnsenter\b.{0,60}--net[= ](\S{1,256})/.exec(text);
  return match?.[1].slice(match[1].lastIndexOf('/') + 1);
}

/** First words of the commands that a prompt before them makes recognisable. */
const FIRST_WORDS: ReadonlySet<string> = new Set(
  (
    'ip bridge ethtool iptables ip6tables iptables-save ip6tables-save nft conntrack ipvsadm docker cat sudo nsenter ' +
    'journalctl dmesg vtep ssh grep for echo date uname hostname tcpdump tail head less brctl ss netstat ping sysctl exit curl'
  ).split(' '),
);

/** Whether a text begins like a command of those around overlay networks. */
export function isLikeCommand(text: string): boolean {
  const [first] = text.slice(0, MAX_COMMAND).split(/\s/, 1);
  return FIRST_WORDS.has(first.slice(first.lastIndexOf('/') + 1));
}
