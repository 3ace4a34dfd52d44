(data (i32.const 600) "")
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (local $n i32)
  (loop $again
    (i32.store (i32.add (i32.const 4096) (i32.mul (local.get $n) (i32.const 3))) (i32.const 0x2f2e2e))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $n) (i32.const 6000))))
  (call $open (i32.const 4096) (i32.const 18000))
  (call $verdict))
