(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (drop (memory.grow (i32.const 20)))
  (loop $again
    (memory.copy (i32.const 65536) (i32.const 65540) (i32.const 1000000))
    (br $again))
  (unreachable))
