(data (i32.const 600) "inside.txt../outside/stolen")
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (call $rename_at (call $workspace) (i32.const 600) (i32.const 10) (call $workspace) (i32.const 610) (i32.const 17) (i32.const 3100))
  (call $verdict))
