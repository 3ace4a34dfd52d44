(table $t 1 funcref)
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (loop $again (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
  (unreachable))
