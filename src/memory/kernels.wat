;; Kernels over packet memory, 16 bytes per instruction, for work that is slow in JavaScript. `kernels.ts` holds this file
;; compiled; test/memory/kernels.test.ts compares the two and prints the new bytes after a change.
(module
  (import "vtep" "memory" (memory 0))
  ;; The one's complement sum (RFC 1071) of the bytes from $at to $end as little-endian 16-bit words, folded to 16 bits;
  ;; byte-swapped it is the sum of big-endian words (section 2 (B)). The 32-bit lanes can sum up to 512 KiB.
  (func $onesSum (export "onesSum") (param $at i32) (param $end i32) (result i32)
    (local $a v128) (local $b v128) (local $sum i64) (local $stop i32)
    (local.set $stop (i32.sub (local.get $end) (i32.const 32)))
    (block $tail
      (br_if $tail (i32.gt_s (local.get $at) (local.get $stop)))
      (loop $next
        (local.set $a (i32x4.add (local.get $a)
          (i32x4.extadd_pairwise_i16x8_u (v128.load align=1 (local.get $at)))))
        (local.set $b (i32x4.add (local.get $b)
          (i32x4.extadd_pairwise_i16x8_u (v128.load offset=16 align=1 (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (br_if $next (i32.le_s (local.get $at) (local.get $stop)))))
    (local.set $a (i32x4.add (local.get $a) (local.get $b)))
    (local.set $sum
      (i64.add
        (i64.add (i64.extend_i32_u (i32x4.extract_lane 0 (local.get $a))) (i64.extend_i32_u (i32x4.extract_lane 1 (local.get $a))))
        (i64.add (i64.extend_i32_u (i32x4.extract_lane 2 (local.get $a))) (i64.extend_i32_u (i32x4.extract_lane 3 (local.get $a))))))
    (block $words
      (loop $word
        (br_if $words (i32.gt_s (i32.add (local.get $at) (i32.const 4)) (local.get $end)))
        (local.set $sum (i64.add (local.get $sum) (i64.load32_u align=1 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $word)))
    (if (i32.le_s (i32.add (local.get $at) (i32.const 2)) (local.get $end))
      (then
        (local.set $sum (i64.add (local.get $sum) (i64.load16_u align=1 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 2)))))
    (if (i32.lt_s (local.get $at) (local.get $end))
      (then (local.set $sum (i64.add (local.get $sum) (i64.load8_u (local.get $at))))))
    ;; Fold 64 to 32 to 16 bits, by end-around carry.
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffffffff)) (i64.shr_u (local.get $sum) (i64.const 32))))
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffff)) (i64.shr_u (local.get $sum) (i64.const 16))))
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffff)) (i64.shr_u (local.get $sum) (i64.const 16))))
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffff)) (i64.shr_u (local.get $sum) (i64.const 16))))
    (i32.wrap_i64 (local.get $sum)))

  ;; The sums of many ranges in one call, since a call costs more than summing a small packet. The list at $list holds
  ;; the start and end of each range; their sums replace it from its beginning on.
  (func (export "onesSums") (param $list i32) (param $count i32)
    (local $from i32) (local $stop i32)
    (local.set $from (local.get $list))
    (local.set $stop (i32.add (local.get $list) (i32.shl (local.get $count) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $from) (local.get $stop)))
        (i32.store (local.get $list)
          (call $onesSum (i32.load (local.get $from)) (i32.load offset=4 (local.get $from))))
        (local.set $from (i32.add (local.get $from) (i32.const 8)))
        (local.set $list (i32.add (local.get $list) (i32.const 4)))
        (br $next))))
)
