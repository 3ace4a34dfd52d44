(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (loop $again (call $random (i64.const 65536) (i32.const 3000)) (br $again))
  (unreachable))
