// Photograph 2: the ring from the side, on slate, upright.
// Written for Hallmark. Licence: Apache-2.0 OR MIT.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 16 adc_bailout 0.02 }

#declare Eye = <-6, 33, -62>;
#include "studio.inc"
#include "ring.inc"

camera { location Eye look_at <-0.2, 1.3, 0> right x * image_width / image_height angle 22 }

Softbox(<0, 80, 30>, 80, 60, 1.6)
Softbox(<-70, 25, 10>, 34, 80, 1.9)
Softbox(<75, 30, -25>, 46, 80, 1.25)
Softbox(<30, 50, -90>, 50, 34, 1.0)
Softbox(<-60, 20, -60>, 22, 60, 0.9)
Lamp(<0, 78, 34>, rgb <0.97, 0.98, 1> * 1.0, 34)
Lamp(<-70, 30, 10>, rgb <1, 0.94, 0.86> * 0.55, 26)
light_source { <60, 50, -60> rgb <0.9, 0.95, 1> * 0.08 shadowless }
sky_sphere {
  pigment {
    gradient y
    color_map { [0 rgb <0.20, 0.18, 0.16>] [0.4 rgb <0.14, 0.13, 0.12>] [0.7 rgb <0.26, 0.26, 0.27>] [1 rgb <0.14, 0.14, 0.15>] }
  }
}

#ifndef (Depth)
#declare Slate = texture {
  pigment {
    granite turbulence 0.4 scale <24, 24, 16>
    color_map { [0 rgb <0.040, 0.046, 0.053>] [0.45 rgb <0.062, 0.069, 0.077>] [0.7 rgb <0.088, 0.094, 0.10>] [1 rgb <0.046, 0.05, 0.057>] }
  }
  normal { average normal_map { [1 granite 0.34 scale <13, 13, 11>] [0.7 granite 0.30 scale 2.4] [0.5 bumps 0.25 scale 0.35] } }
  finish { ambient 0 diffuse 0.85 specular 0.08 roughness 0.06 reflection { 0.0, 0.06 fresnel } conserve_energy }
}
#else
#declare Slate = Unlit
#end

plane { y, -9.72 texture { Slate } interior { ior 1.4 } }

object { Ring translate 9.7 * y rotate -5 * x translate -9.7 * y rotate 50 * y }
