(data (i32.const 600) "../outside/mine")
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (call $mkdir_at (call $workspace) (i32.const 600) (i32.const 15) (i32.const 3100))
  (call $verdict))
